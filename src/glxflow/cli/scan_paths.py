"""Where the results of each listed scan are."""

from dataclasses import dataclass
from pathlib import Path

from glxflow.io.scan_names import prefix_of
from glxflow.io.tables import read_tsv

PREPROCESSED = "desc-preproc_svs.json"
FITTED = "desc-fit_concentrations.json"
"""Records of preprocessing and fit; as the tables, with a scan's prefix and `_` before them."""

CONCENTRATIONS, QUALITY = "desc-fit_concentrations.tsv", "desc-qc.tsv"
CHANGES, MODELS = "desc-fit_changes.tsv", "desc-fit_models.tsv"

INFERENCE, STUDY_PAGE = "inference", "report.html"
"""Folder of the analysis in that of the group, and the page beside it that shows its tables."""


@dataclass(frozen=True, slots=True)
class ListedScan:
    """One line of scans.tsv.

    Attributes
    ----------
    subject, session : str
        BIDS labels with their prefix.
    prefix : str
        What the names of its results begin with.
    problem : str
        What `glxflow validate` has found wrong with it, or nothing.
    """

    subject: str
    session: str
    prefix: str
    problem: str = ""

    def result(self, results: Path, ending: str) -> Path:
        """Return the path of one of its results."""
        return results / self.subject / self.session / "mrs" / f"{self.prefix}_{ending}"


def listed_scans(scans_tsv: Path) -> tuple[ListedScan, ...]:
    """Return the scans that `glxflow validate` has listed."""
    table = read_tsv(scans_tsv, text=("subject", "session", "problem")).fillna({"problem": ""})
    return tuple(
        ListedScan(
            row["subject"], row["session"], prefix_of(Path(row["svs"])), row.get("problem", "")
        )
        for row in table.to_dict("records")
    )
