"""CPU time until `glxflow fit` has what it needs: imports, and one scan from file to page.

Run ``OPENBLAS_NUM_THREADS=1 python benchmarks/fit/startup.py`` (about half a minute). The
basis set, an FSL-MRS folder, is for another frequency than the scan, as it is in practice.
"""

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
from generator import Scene, axis_3t, make_spectrum, metabolite_basis

from glxflow.io.basis_files import write_basis
from glxflow.io.nifti_mrs import write_series
from glxflow.spectrum import Axis, Series

SCENE = Scene((3.0, 9.0), (50.0, 100.0), True)
_IMPORTED = re.compile(r"^import time:\s+(\d+) \|\s+\d+ \|\s+(\w+)", re.M)


def cpu_s(arguments: list[str]) -> float:
    """Return the CPU seconds of a fresh interpreter."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, env=os.environ)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def imported_s(arguments: list[str]) -> dict[str, float]:
    """Return the seconds that each package takes to import, whenever it is imported."""
    command = [sys.executable, "-X", "importtime", *arguments]
    run = subprocess.run(command, check=True, env=os.environ, capture_output=True, text=True)
    seconds: dict[str, float] = defaultdict(float)
    for microseconds, package in _IMPORTED.findall(run.stderr):
        seconds[package] += int(microseconds) / 1e6
    return seconds


def write_study(folder: Path) -> list[str]:
    """Write a scan and a basis set; return the arguments that fit it."""
    axis = axis_3t()
    fid, _ = make_spectrum(metabolite_basis(axis), SCENE, np.random.default_rng(1))
    scan, basis = folder / "scan_svs.nii.gz", folder / "basis"
    series = Series(fid.samples[np.newaxis, np.newaxis], axis, np.zeros(1), 0.035, 2.0)
    write_series(scan, series, np.eye(4))
    near = Axis(
        2 * axis.n_points, 2.5e-4, 1.001 * axis.spectrometer_frequency_mhz, axis.reference_ppm
    )
    write_basis(basis, metabolite_basis(near), "fsl")
    return ["-m", "glxflow", "fit", str(scan), "--basis", str(basis), "--out", str(folder / "out")]


def main() -> None:
    """Print the times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as folder:
        fit = write_study(Path(folder))
        cases = {
            "python alone": ["-c", "pass"],
            "import glxflow.fit": ["-c", "import glxflow.fit"],
            "import glxflow.cli.fit": ["-c", "import glxflow.cli.fit"],
            "glxflow fit of one scan": fit,
        }
        for name, arguments in cases.items():
            times = [cpu_s(arguments) for _ in range(repeats)]
            print(f"{name}: {np.median(times):.2f} s CPU ({min(times):.2f} to {max(times):.2f})")
        seconds = imported_s(fit)
    print(f"all that `glxflow fit` imports: {sum(seconds.values()):.2f} s, of it")
    for package, spent in sorted(seconds.items(), key=lambda item: -item[1])[:8]:
        print(f"  {package}: {1000 * spent:.0f} ms")


if __name__ == "__main__":
    main()
