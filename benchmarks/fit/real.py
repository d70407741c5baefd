"""Real spectra beside what other programs read from them, with both uncertainties.

Run ``OPENBLAS_NUM_THREADS=1 python benchmarks/fit/real.py`` (half a minute) beside a folder
``shared`` with the spectra. Every number comes from the command line as a user runs it.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

DATA = Path(__file__).parents[2] / ".." / "shared" / "data"
PRESS = DATA / "invivo_press"
SHOWN = ("Glu", "Gln", "Glx", "tNAA")


def glxflow(*arguments: object) -> None:
    """Run the command line."""
    subprocess.run([sys.executable, "-m", "glxflow", *map(str, arguments)], check=True)


def fitted(scan: Path, water: Path, basis: Path, out: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the concentrations and the models of one scan."""
    glxflow("fit", scan, "--water", water, "--basis", basis, "--out", out)
    tables = (next(out.glob(f"*_desc-fit_{name}.tsv")) for name in ("concentrations", "models"))
    concentrations, models = (pd.read_csv(path, sep="\t") for path in tables)
    return concentrations.set_index("metabolite"), models


def show(name: str, concentrations: pd.DataFrame, models: pd.DataFrame) -> None:
    """Print one spectrum: ratios to tCr with SD and sd_model, other baselines, other programs."""
    print(f"\n{name}: ratio to tCr | " + " | ".join(SHOWN))
    rows = concentrations.loc[list(SHOWN)]
    cells = [
        f"{row.ratio_tcr:.3f} SD {row.ratio_tcr_sd:.3f} model {row.ratio_tcr_sd_model:.3f}"
        for row in rows.itertuples()
    ]
    print("glxflow | " + " | ".join(cells))
    own = models.iloc[0]
    for model in models[models["choice"].isin(["baseline", "eddy currents"])].itertuples():
        moved = [getattr(model, f"{one.lower()}_tcr") for one in SHOWN[:3]]
        shift = 100 * (model.glu_tcr / own.glu_tcr - 1)
        label = f"{model.choice}, {model.model} (weight {model.weight:.2f})"
        print(f"{label} | " + " | ".join(f"{one:.3f}" for one in moved) + f" | Glu {shift:+.1f} %")
    for program, content in json.loads((DATA / "peers.json").read_text())[name].items():
        found = content["to_tCr_and_percent_sd"]
        cells = [
            f"{found[one][0]:.3f} SD {found[one][0] * found[one][1] / 100:.3f}"
            if one in found and found[one][0] > 0
            else "0"
            for one in SHOWN
        ]
        print(f"{program} | " + " | ".join(cells))


def main() -> None:
    """Print all spectra."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        for name in ("te35", "te30"):
            basis = PRESS / f"press{name[2:]}_3T_philips.BASIS"
            paths = (PRESS / f"{name}_{kind}.nii.gz" for kind in ("svs", "mrsref"))
            show(name, *fitted(*paths, basis, out / name))
        steam = DATA / "raw_7T_steam"
        basis = out / "steam.nii.gz"
        glxflow("basis", "simulate", "--like", steam / "svs.nii.gz", *SEQUENCE_7T, "--out", basis)
        scan, water = steam / "svs.nii.gz", steam / "mrsref.nii.gz"
        show("raw_7T_steam", *fitted(scan, water, basis, out / "7t"))


SEQUENCE_7T = ("--sequence", "steam")

if __name__ == "__main__":
    main()
