"""What the study page says of the quality of its spectra."""

import pandas as pd

from glxflow.report.change import by_infusion, is_true, measured
from glxflow.report.numbers import number, words

_KEYS = ["subject", "session", "bin"]


def quality_rows(
    qc: pd.DataFrame, sessions: pd.DataFrame, infusions: tuple[str, ...]
) -> list[list[str]]:
    """Return the quality of the spectra of each cell: how many pass, and the usual figures.

    Parameters
    ----------
    qc : DataFrame
        As in `StudyPage`.
    sessions : DataFrame
        Likewise, for condition and infusion of each.
    infusions : tuple of str
        Of a factorial design; else empty.
    """
    if qc.empty:
        return []
    rows = []
    spectra = judged(qc, by_infusion(sessions, infusions))
    for name, group in spectra.groupby("condition", observed=True):
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
    """Return the quality of every spectrum with its session's condition, or that it is unknown.

    Parameters
    ----------
    qc : DataFrame
        As in `StudyPage`.
    sessions : DataFrame
        Likewise, for the condition of each.
    """
    design = sessions[["subject", "session", "condition"]]
    merged = qc.merge(design, on=["subject", "session"], how="left")
    return merged.assign(condition=[words(name, "unknown") for name in merged["condition"]])


def used_rows(
    rows: pd.DataFrame, sessions: pd.DataFrame, outcome: str, joint_change: str | None
) -> pd.DataFrame:
    """Return the rows of the plan's analysis set that the primary result takes.

    Parameters
    ----------
    rows : DataFrame
        A row a session and bin, with the outcome and, if there is one, its joint change.
    sessions : DataFrame
        What became of each session.
    outcome, joint_change : str, or None
        As in `StudyPage`.
    """
    if outcome not in rows:
        return rows.head(0)
    kept = sessions[sessions["status"] == "used"]
    used = set(kept[["subject", "session"]].itertuples(index=False, name=None))
    is_used = [key in used for key in zip(rows["subject"], rows["session"], strict=True)]
    has = measured(rows, outcome, rows["bin"] <= 0, joint_change).notna()
    return rows[pd.Series(is_used, index=rows.index, dtype=bool) & has]


def doubt_rows(qc: pd.DataFrame, used: pd.DataFrame) -> list[list[str]]:
    """Return the spectra that are doubtful or fail, and why.

    Parameters
    ----------
    qc : DataFrame
        As in `StudyPage`.
    used : DataFrame
        Subject, session and bin of every spectrum that the primary result takes.
    """
    if "qc_level" not in qc:
        return []
    known = qc[qc["qc_level"] != "pass"]
    taken = set(used[_KEYS].itertuples(index=False, name=None))
    return [
        [
            f"{row['subject']} {row['session']}",
            words(row["bin"]),
            "used" if tuple(row[key] for key in _KEYS) in taken else "left out",
            words(row["flags"]),
        ]
        for row in known.to_dict("records")
    ]


def not_drawn(qc: pd.DataFrame) -> str:
    """Return a sentence on the spectra that the figure cannot show; nothing if it has all.

    Parameters
    ----------
    qc : DataFrame
        As in `StudyPage`.
    """
    if qc.empty or not (n := int(qc[["snr", "fwhm_hz"]].isna().any(axis=1).sum())):
        return ""
    return f" Not drawn: {n} without SNR or line width."


def _spread(values: pd.Series) -> str:
    """Return median and range."""
    known = values.dropna().astype(float)
    if known.empty:
        return "n/a"
    return f"{number(known.median())} ({number(known.min())} to {number(known.max())})"
