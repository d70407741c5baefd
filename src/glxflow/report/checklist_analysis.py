"""Time bins and item 3 of the reporting checklist: how spectra were analysed, by the records."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from glxflow.report.checklist import ChecklistRow, counted, over, scans, spread
from glxflow.spectrum import NOT_DONE, OF_WATER

Record = Mapping[str, Any]

_MODEL = (
    "linear combination of the basis set in the frequency domain, amplitudes not negative; each "
    "metabolite with a shift and a width of its own, one line shape for all, cubic P-spline "
    "baseline (docs/methods/fit.md)"
)


@dataclass(frozen=True, slots=True)
class Analysed:
    """What the analysis of a study has left.

    Attributes
    ----------
    prepared, fitted : sequence of mapping
        Records of the preprocessing and of the fit of the same scans, in one order.
    sessions, qc, concentrations : DataFrame
        Tables of the group.
    software : str
        Name and version of every program that decides a number.
    outcome : str
        The primary outcome in words.
    analysis_set : str
        Spectra that it takes: `qc_pass`, or `all`.
    limits : sequence of str
        Quality limits of every fitted scan, in words.
    water_scaling : sequence of str
        How every fitted scan was scaled by water, or why it was not.
    snr, fwhm : str
        What these figures are, with their reference peak.
    """

    prepared: Sequence[Record]
    fitted: Sequence[Record]
    sessions: pd.DataFrame
    qc: pd.DataFrame
    concentrations: pd.DataFrame
    software: str
    outcome: str
    analysis_set: str
    limits: Sequence[str]
    water_scaling: Sequence[str]
    snr: str
    fwhm: str


def analysis_items(study: Analysed) -> list[ChecklistRow]:
    """Return what the records tell of time bins and analysis.

    Parameters
    ----------
    study : Analysed
        What there is, one fitted scan at least.
    """
    return [*_time_bins(study.prepared), *_methods(study), *_assumptions(study)]


def _time_bins(prepared: Sequence[Record]) -> list[ChecklistRow]:
    """Return how transients became spectra."""
    source = f"preprocess ({scans(len(prepared))})"
    keys = "preprocess.bin_s, bin_step_s, bin_count, infusion_event"
    return [
        ChecklistRow("2e", "i. Averaged in a spectrum", _averaged(prepared), source),
        ChecklistRow(
            "2e",
            "ii. Averaging method",
            counted(map(_averaging, prepared)),
            f"config.yaml: {keys} ({scans(len(prepared))})",
        ),
        ChecklistRow(
            "2e",
            "iii. Spectra of a scan",
            counted(str(len(record["BinTable"])) for record in prepared),
            source,
        ),
        ChecklistRow("2i", "Motion correction after the scan", _aligned(prepared), source),
    ]


def _averaged(prepared: Sequence[Record]) -> str:
    """Return how many transients are in a bin."""
    used: dict[str, list[int]] = {}
    for record in prepared:
        unit = _unit(record)
        has_infusion = record["Parameters"]["onset_s"] is not None
        for part in record["BinTable"]:
            which = "later bins" if part["index"] else "baseline"
            name = f"{which if has_infusion else 'whole scan'}, {unit}"
            used.setdefault(name, []).append(part["n_used"])
    told = "; ".join(f"{name}: {spread(counts, '{:g}'.format)}" for name, counts in used.items())
    differ = any(len(set(counts)) > 1 for counts in used.values())
    return f"{told}; median (range) where they differ" if differ else told


def _averaging(record: Record) -> str:
    """Return how a scan was divided in time."""
    asked = record["Parameters"]
    if asked["onset_s"] is None:
        return "one average of the whole scan, as it has no event of an infusion"
    first = f"all before the event '{asked['infusion_event']}' is one bin, then bins of "
    if asked["bin_count"] is not None:
        return f"block-wise: {first}{asked['bin_count']} {_unit(record)}"
    if asked["bin_step_s"] is not None and asked["bin_step_s"] < asked["bin_s"]:
        return f"moving average: {first}{asked['bin_s']:g} s that start every " + (
            f"{asked['bin_step_s']:g} s"
        )
    return f"block-wise: {first}{asked['bin_s']:g} s"


def _unit(record: Record) -> str:
    """Return what is averaged."""
    return "pairs of ON and OFF" if _is_edited(record) else "transients"


def _is_edited(record: Record) -> bool:
    """Tell whether a scan was edited."""
    return "Difference" in record


def _aligned(prepared: Sequence[Record]) -> str:
    """Return what was done about motion and drift."""
    several = [one for one in prepared if (one["Metrics"].get("n_transients") or 0) > 1]
    text = "none: each scan holds one average of the scanner"
    if several:
        rejected, all_of_them = (
            sum(int(one["Metrics"][key]) for one in several)
            for key in ("n_rejected", "n_transients")
        )
        text = (
            f"frequency and phase of each transient aligned; {rejected} of {all_of_them} "
            "transients rejected as outliers"
        )
        if len(several) < len(prepared):
            text += f"; not in {scans(len(prepared) - len(several))} of a single average"
    return text


def _methods(study: Analysed) -> list[ChecklistRow]:
    """Return programs, steps and measures of the analysis."""
    ready, done = scans(len(study.prepared)), scans(len(study.fitted))
    chains = (" > ".join(_done(one["Steps"])) for one in study.prepared)
    eddies = sum(bool(one["EddyCurrentCorrected"]) for one in study.prepared)
    scaled = sum(not one.get("NotWaterScaled") for one in study.fitted)
    return [
        ChecklistRow("3a", "Analysis software", study.software, f"fit ({done})"),
        ChecklistRow(
            "3b",
            "Processing steps",
            f"{counted(chains)}. Eddy currents corrected in {eddies} of {ready}. The numbers of "
            "each step stand on the page of each scan",
            f"preprocess ({ready})",
        ),
        ChecklistRow(
            "3c",
            "Output measure",
            f"{study.outcome}. Of every metabolite: ratio to tNAA and to tCr, not corrected for "
            f"relaxation; mmol per kg of tissue water in {scaled} of {done}",
            "plan, fit",
        ),
    ]


def _done(steps: Sequence[Record]) -> Iterator[str]:
    """Yield the steps that changed the spectra or the water reference, in order."""
    for step in steps:
        if not step["details"].startswith(NOT_DONE):
            of_water = " of the water reference" * step["details"].startswith(OF_WATER)
            yield f"{step['method']}{of_water}"


def _assumptions(study: Analysed) -> list[ChecklistRow]:
    """Return what quantification and fit rest on."""
    parameters = [one["Parameters"] for one in study.fitted]
    notes = Counter(note for one in parameters for note in one["basis_notes"])
    ranges = ("{:g} to {:g} ppm".format(*one["ppm_range"]) for one in parameters)
    edited = (_is_edited(one) for one in study.prepared)
    models = (f"difference and sum jointly: {_MODEL}" if each else _MODEL for each in edited)
    softness = spread(study.qc["baseline_ed_per_ppm"])
    values = {
        "Quantification reference, water and relaxation": counted(study.water_scaling),
        "Basis set": counted(str(one["basis"]) for one in parameters),
        "Changes of the basis set, macromolecules": _each(notes, len(parameters)),
        "Fit model": counted(models),
        "Fit range and baseline": f"{counted(ranges)}; baseline of {softness} effective "
        f"dimensions per ppm, {over(len(study.qc))}",
    }
    if tissue := _tissue(study.prepared):
        values["Tissue in the voxel"] = tissue
    source = f"fit ({scans(len(parameters))})"
    return [ChecklistRow("3d", name, value, source) for name, value in values.items()]


def _tissue(prepared: Sequence[Record]) -> str:
    """Return the shares of grey and white matter and CSF, where sidecars give them."""
    given = [one.get("TissueFractions") for one in prepared]
    given = [shares for shares in given if shares and isinstance(shares, Mapping)]
    if not given:
        return ""
    shares = pd.DataFrame(given).apply(pd.to_numeric, errors="coerce")
    told = ", ".join(f"{name} {spread(shares[name])}" for name in shares)
    return f"{told}; median (range) over {scans(len(given))} whose sidecar has TissueFractions"


def _each(notes: Mapping[str, int], n_scans: int) -> str:
    """Return notes, those that not every scan has with the number that have them."""
    if not notes:
        return "none"
    return "; ".join(note if n == n_scans else f"{note} ({scans(n)})" for note, n in notes.items())
