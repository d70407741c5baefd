"""What the study page says of the quality of its spectra."""

import pandas as pd

from glxflow.report.change import is_true
from glxflow.report.numbers import number, words


def quality_rows(qc: pd.DataFrame, sessions: pd.DataFrame) -> list[list[str]]:
    """Return the quality of the spectra by condition: how many pass, and the usual figures.

    Parameters
    ----------
    qc : DataFrame
        As in `StudyPage`.
    sessions : DataFrame
        Likewise, for the condition of each.
    """
    if qc.empty:
        return []
    rows = []
    for name, group in judged(qc, sessions).groupby("condition", observed=True):
        passed = int(is_true(group["qc_pass"]).sum())
        doubtful = (
            str(int((group["qc_level"] == "doubtful").sum())) if "qc_level" in group else "n/a"
        )
        rows.append(
            [str(name), str(len(group)), str(passed), doubtful, str(len(group) - passed)]
            + [_spread(group[column]) for column in ("snr", "fwhm_hz")]
        )
    return rows


def judged(qc: pd.DataFrame, sessions: pd.DataFrame) -> pd.DataFrame:
    """Return the quality of every spectrum with the condition of its session.

    Parameters
    ----------
    qc : DataFrame
        As in `StudyPage`.
    sessions : DataFrame
        Likewise, for the condition of each.
    """
    design = sessions[["subject", "session", "condition"]]
    return qc.merge(design, on=["subject", "session"], how="left")


def doubt_rows(qc: pd.DataFrame) -> list[list[str]]:
    """Return the spectra with a reason against them, in words.

    Parameters
    ----------
    qc : DataFrame
        As in `StudyPage`.
    """
    if "flags" not in qc:
        return []
    known = qc[qc["flags"].notna() & (qc["flags"] != "")]
    used = is_true(known["qc_pass"])
    return [
        [
            f"{row['subject']} {row['session']}",
            words(row["bin"]),
            "used" if is_used else "left out",
            words(row["flags"]),
        ]
        for row, is_used in zip(known.to_dict("records"), used, strict=True)
    ]


def _spread(values: pd.Series) -> str:
    """Return median and range."""
    known = values.dropna().astype(float)
    if known.empty:
        return "n/a"
    return f"{number(known.median())} ({number(known.min())} to {number(known.max())})"
