"""Fixtures that several test folders share: small scans with closed-form signals."""

import os

# One thread, as the commands run with: on small matrices two wait for each other, and the tests
# take half as long again. BLAS reads this when numpy is imported, and so before the rest.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from glxflow.spectrum import Axis

PROJECT = Path(__file__).parents[1]


@pytest.fixture
def real_data() -> Path:
    """Return the folder of real spectra beside the project, or skip and say so."""
    folder = PROJECT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no real spectra in ../shared/data")
    return folder


@pytest.fixture(scope="session")
def bids_errors() -> Callable[[Path], list[dict[str, str]]]:
    """Return what the BIDS validator finds wrong with a data set."""
    validator = shutil.which("bids-validator-deno")
    assert validator, "bids-validator-deno comes with the test extra"

    def check(folder: Path) -> list[dict[str, str]]:
        run = subprocess.run(
            [validator, "--format", "json", str(folder)],
            capture_output=True,
            text=True,
            check=False,
        )
        issues = json.loads(run.stdout)["issues"]["issues"]
        return [issue for issue in issues if issue["severity"] == "error"]

    return check


@pytest.fixture
def axis() -> Axis:
    """Return a 3 T axis: 1024 points at 2 kHz."""
    return Axis(
        n_points=1024, dwell_time_s=5e-4, spectrometer_frequency_mhz=123.25, reference_ppm=4.65
    )


@pytest.fixture
def singlet() -> Callable[..., np.ndarray]:
    """Return a maker of Lorentzian singlets: truth that owes nothing to the package."""

    def make(ppm: float, width_hz: float = 5.0) -> np.ndarray:
        offset_hz = (ppm - 4.65) * 123.25
        time_s = np.arange(1024) * 5e-4
        return np.exp((2j * np.pi * offset_hz - np.pi * width_hz) * time_s)

    return make


@pytest.fixture
def write_scan(tmp_path: Path) -> Callable[..., Path]:
    """Return a writer of NIfTI-MRS files that owes nothing to nifti-mrs.

    `samples` is (..., n_points) with dimensions tagged by `tags`, in the
    package's sign; `header` and `sidecar` add fields, None removes one.
    """

    def write(
        samples: np.ndarray,
        tags: tuple[str, ...] = (),
        *,
        path: Path | None = None,
        sidecar: dict[str, Any] | None = None,
        header: dict[str, Any] | None = None,
    ) -> Path:
        path = path or tmp_path / "sub-01_ses-1_task-ketamine_svs.nii.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        stored = np.moveaxis(np.conj(samples), -1, 0)[np.newaxis, np.newaxis, np.newaxis]
        fields = {
            "SpectrometerFrequency": [123.25],
            "ResonantNucleus": ["1H"],
            "EchoTime": 0.03,
            "RepetitionTime": 2.0,
            "SpectralWidth": 2000.0,
            **{f"dim_{index}": tag for index, tag in enumerate(tags, start=5)},
        } | (header or {})
        text = json.dumps({name: value for name, value in fields.items() if value is not None})
        image = nib.Nifti2Image(stored.astype(np.complex64), np.eye(4))
        image.header["pixdim"][4] = 5e-4
        image.header["intent_name"] = b"mrs_v0_10"
        image.header.set_xyzt_units("mm", "sec")
        image.header.extensions.append(nib.nifti1.Nifti1Extension(44, text.encode()))
        nib.save(image, path)
        if sidecar is not None:
            path.with_name(path.name.replace(".nii.gz", ".json")).write_text(json.dumps(sidecar))
        return path

    return write
