"""Who takes part in the digital trial, and what is true of them.

Every participant has a random stream of their own, spawned from the seed: the
truth of one does not depend on how many others there are, or on the order in
which they are made.
"""

from dataclasses import dataclass

import numpy as np

from glxflow.errors import ConfigError
from glxflow.spectrum import RealArray

CONDITIONS = ("placebo", "naltrexone")
"""Pre-treatments, by the letter of the sequence: P and N."""

_RESPONSE_MIN = 10.0
"""Time constant with which Glx rises after the start of the infusion, in min."""

_BETWEEN_PARTICIPANTS = 0.25
_BETWEEN_SESSIONS = 0.02
_MADRS_DROP = 12.0
_MADRS_COUPLED_SHARE = 0.75
_MADRS_SD = 2.0
_MADRS_RETURN = {0: 0.0, 1: 1.0, 3: 0.85, 7: 0.6}


@dataclass(frozen=True, slots=True)
class Design:
    """What decides the truth of a digital trial.

    Attributes
    ----------
    n_participants : int
        Half of them have the sequence placebo-naltrexone.
    effect : float
        Rise of Glx over its baseline that ketamine approaches, as a share.
    blunting : float
        Share of that rise which naltrexone takes away; 0 is no effect of it.
    seed : int
        Of all random numbers.
    """

    n_participants: int
    effect: float
    blunting: float
    seed: int

    def __post_init__(self) -> None:
        if self.n_participants < 2:
            raise ConfigError(f"{self.n_participants} participants: a crossover needs 2 or more.")
        if not -1 <= self.blunting <= 1 or not -0.5 <= self.effect <= 1:
            raise ConfigError(
                f"blunting {self.blunting:g} and effect {self.effect:g} are shares: "
                "expected -1 to 1 and -0.5 to 1. Write 0.4 for 40 %."
            )


@dataclass(frozen=True, slots=True)
class Session:
    """What is true of one session.

    Attributes
    ----------
    session, condition : str
        BIDS label and pre-treatment.
    period : int
        1 or 2.
    rise : float
        Rise of Glx over baseline that this session approaches, as a share.
    glx_baseline : float
        Factor on the participant's Glx at the baseline of this session.
    madrs : dict
        Total score by day.
    seed : numpy.random.SeedSequence
        Of this session's spectra.
    """

    session: str
    period: int
    condition: str
    rise: float
    glx_baseline: float
    madrs: dict[int, int]
    seed: np.random.SeedSequence

    def glx_factor(self, since_infusion_s: RealArray) -> RealArray:
        """Return the factor on the participant's Glx at times from the infusion's start."""
        elapsed_min = np.maximum(np.asarray(since_infusion_s), 0.0) / 60
        factor: RealArray = self.glx_baseline * (
            1 + self.rise * (1 - np.exp(-elapsed_min / _RESPONSE_MIN))
        )
        return factor


@dataclass(frozen=True, slots=True)
class Participant:
    """What is true of one participant.

    Attributes
    ----------
    subject, sex, sequence : str
        BIDS label; F or M; PN or NP.
    age : int
        In years.
    sessions : tuple of Session
        In the order of periods.
    seed : numpy.random.SeedSequence
        Of what both sessions share, such as concentrations and anatomy.
    """

    subject: str
    sex: str
    age: int
    sequence: str
    sessions: tuple[Session, Session]
    seed: np.random.SeedSequence


def recruit(design: Design) -> tuple[Participant, ...]:
    """Return the participants of a trial with everything that is true of them."""
    seeds = np.random.SeedSequence(design.seed).spawn(design.n_participants)
    return tuple(_participant(number, seed, design) for number, seed in enumerate(seeds, start=1))


def _participant(number: int, seed: np.random.SeedSequence, design: Design) -> Participant:
    """Return one participant; sequences alternate, so that they are balanced."""
    own, anatomy, first, second = seed.spawn(4)
    rng = np.random.default_rng(own)
    sequence = ("PN", "NP")[number % 2]
    response = 1 + _BETWEEN_PARTICIPANTS * rng.standard_normal()
    severity = rng.normal(30, 4)
    sex = "FM"[int(rng.integers(2))]
    age = int(rng.integers(21, 62))
    sessions = tuple(
        _session(period, letter, child, response * design.effect, severity, design)
        for period, (letter, child) in enumerate(
            zip(sequence, (first, second), strict=True), start=1
        )
    )
    return Participant(
        subject=f"sub-{number:02d}",
        sex=sex,
        age=age,
        sequence=sequence,
        sessions=(sessions[0], sessions[1]),
        seed=anatomy,
    )


def _session(
    period: int,
    letter: str,
    seed: np.random.SeedSequence,
    rise: float,
    severity: float,
    design: Design,
) -> Session:
    """Return one session: its response is the participant's, blunted or not."""
    truth, spectra = seed.spawn(2)
    rng = np.random.default_rng(truth)
    condition = CONDITIONS["PN".index(letter)]
    kept = 1 - design.blunting if condition == CONDITIONS[1] else 1.0
    return Session(
        session=f"ses-{period}",
        period=period,
        condition=condition,
        rise=rise * kept,
        glx_baseline=1 + _BETWEEN_SESSIONS * rng.standard_normal(),
        madrs=_madrs(rng, severity, kept, rise, design),
        seed=spectra,
    )


def _madrs(
    rng: np.random.Generator, severity: float, kept: float, rise: float, design: Design
) -> dict[int, int]:
    """Return scores by day: most of the drop goes with what is left of the Glx response."""
    response = kept * (rise / design.effect if design.effect else 1.0)
    drop = _MADRS_DROP * (1 - _MADRS_COUPLED_SHARE + _MADRS_COUPLED_SHARE * response)
    scores = {
        day: severity - drop * share + _MADRS_SD * rng.standard_normal()
        for day, share in _MADRS_RETURN.items()
    }
    return {day: int(np.clip(np.rint(score), 0, 60)) for day, score in scores.items()}


def madrs_attenuation(blunting: float) -> float:
    """Return the true share by which naltrexone lessens the drop of MADRS on day 1."""
    return _MADRS_COUPLED_SHARE * blunting
