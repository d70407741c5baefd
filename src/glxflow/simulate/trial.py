"""Put the digital trial together: participants, their sessions and what is measured in them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from glxflow.errors import ConfigError
from glxflow.simulate.signal import Acquisition, Measured, measure, metabolite_responses
from glxflow.simulate.truth import Participant, Session
from glxflow.spectrum import Axis

FIELD_MHZ = 123.25
REFERENCE_PPM = 4.65
BANDWIDTH_HZ = 2000.0
ECHO_TIME_S = 0.03
REPETITION_TIME_S = 2.0
BASELINE_S = 600.0
INFUSION_S = 2400.0
"""A 3 T scanner's PRESS over 10 min of baseline and the 40 min of the infusion."""


@dataclass(frozen=True, slots=True)
class Simulated:
    """One session with its truth and its raw data."""

    participant: Participant
    session: Session
    measured: Measured


def acquisition(n_transients: int, n_coils: int, n_points: int, snr: float) -> Acquisition:
    """Return how every session is measured.

    Parameters
    ----------
    n_transients : int
        Stored transients, evenly over 50 min; each stands for the shots within
        its interval, with the response at its start.
    n_coils, n_points : int
        Receive coils and samples.
    snr : float
        As in `Acquisition`.

    Raises
    ------
    ConfigError
        If there are too few transients for a baseline and a response, or no
        positive SNR.
    """
    if n_transients < 10:
        raise ConfigError(
            f"{n_transients} transients over 50 min leave fewer than 2 for the baseline of "
            "10 min. Give 10 or more."
        )
    if not snr > 0:
        raise ConfigError(f"an SNR of {snr:g} is not positive. Give inf for no noise.")
    interval_s = (BASELINE_S + INFUSION_S) / n_transients
    return Acquisition(
        axis=Axis(n_points, 1 / BANDWIDTH_HZ, FIELD_MHZ, REFERENCE_PPM),
        echo_time_s=ECHO_TIME_S,
        repetition_time_s=REPETITION_TIME_S,
        n_coils=n_coils,
        onset_s=np.arange(n_transients, dtype=np.float64) * interval_s,
        infusion_s=BASELINE_S,
        snr=snr,
    )


def sessions_of(participants: tuple[Participant, ...], how: Acquisition) -> Iterator[Simulated]:
    """Yield every session of a trial as it is measured, in order."""
    basis = metabolite_responses(how)
    for participant in participants:
        for session in participant.sessions:
            yield Simulated(participant, session, measure(participant, session, how, basis))
