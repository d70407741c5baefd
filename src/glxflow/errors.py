"""What a user can cause and mend: every such failure is a `GlxflowError`.

A message says, in order: where (file or parameter), what was found (with its
unit), what was expected, and what to do. Anything else that is raised is a bug.
"""

from collections.abc import Sequence


class GlxflowError(Exception):
    """A broken input or a wrong setting; the command line prints it and exits with 2."""


class HeaderError(GlxflowError):
    """A header or sidecar lacks, or contradicts, what the pipeline needs."""


class DataError(GlxflowError):
    """The samples of a file cannot be used: truncated, not finite, empty, conjugated."""


class BasisError(GlxflowError):
    """A basis set cannot be read, or does not fit the data."""


class ConfigError(GlxflowError):
    """The configuration, or a plan, contradicts its schema or the data."""


class TableError(GlxflowError):
    """A participant, session, phenotype or trial table cannot be used."""


class TooFewError(TableError):
    """What the tables hold is right, and too little for an answer."""


def join_problems(where: str, problems: Sequence[str]) -> str:
    """Return one message that lists every problem found at one place."""
    if len(problems) == 1:
        return f"{where}: {problems[0]}"
    lines = "".join(f"\n  - {problem}" for problem in problems)
    return f"{where}: {len(problems)} problems{lines}"
