"""What is said of data and results: what was done to them, and what is doubtful."""

from dataclasses import dataclass

UNREADABLE = "Rejection of unreadable data"
"""Method of steps that leave out what a file does not hold."""

NOT_DONE = ("Not possible", "Not applied", "Not referenced")
"""How the details of steps begin that were not done."""

OF_WATER = "Water reference: "
"""How the details of steps begin that are of the water reference alone."""


SCALE_UNKNOWN = "scale not checked"
"""How the note of a basis set begins whose responses may be in any unit."""

OF_SERIES = "SERIES_"
"""How codes of doubts begin that are those of a joint fit, beyond those of its mean."""


def percent(share: float, digits: int = 0) -> str:
    """Return a share as it is printed everywhere: 0.125 as "12.5 %" with one digit."""
    return f"{100 * share:.{digits}f} %"


@dataclass(frozen=True, slots=True)
class Step:
    """One processing step, as it is written to headers and shown on the scan page.

    Attributes
    ----------
    method : str
        NIfTI-MRS wording, such as "RF coil combination".
    details : str
        What was done, with numbers and units, for a reader.
    """

    method: str
    details: str


@dataclass(frozen=True, slots=True)
class Flag:
    """One doubt about a result: what, the value, the limit, and what to do."""

    code: str
    message: str

    @property
    def sentence(self) -> str:
        """The message as it stands among others: with a capital, unless a name begins it."""
        first, _, _ = self.message.partition(" ")
        is_word = first.isalpha() and first.islower()  # tCr and 2 are none
        return self.message[:1].upper() + self.message[1:] if is_word else self.message
