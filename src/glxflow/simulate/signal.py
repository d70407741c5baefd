"""The raw signal of one session: spins, coils, drift, eddy currents, water, lipid, noise.

Nothing here is shared with the fit: line shapes, macromolecules, lipid and water
are written out in the time domain, in their own words.
"""

from dataclasses import dataclass

import numpy as np

from glxflow.basis.protocol import protocol_for
from glxflow.basis.simulate import simulate_basis
from glxflow.simulate.truth import Participant, Session
from glxflow.spectrum import Axis, BasisSet, ComplexArray, RealArray, Series

CONCENTRATIONS = {
    "NAA": 9.6,
    "NAAG": 1.4,
    "Cr": 3.9,
    "PCr": 4.1,
    "GPC": 1.1,
    "PCh": 0.5,
    "Ins": 5.6,
    "Glu": 9.4,
    "Gln": 2.6,
    "GABA": 1.4,
    "GSH": 1.6,
    "Lac": 0.6,
    "Tau": 1.3,
    "Asp": 1.9,
    "Asc": 1.0,
    "sIns": 0.3,
    "PE": 1.3,
}
"""Mean concentrations in the anterior cingulate, in mM (ranges of de Graaf 2019)."""

_RESPONDING = ("Glu", "Gln")
_SPREAD = 0.08
_WATER_PROTONS = 2 * 40_000.0
_MACROMOLECULES = (
    # On the lines of the consensus (doi:10.1002/nbm.4393): ppm, width in Hz at 3 T, share of
    # a proton per mM of creatine
    (0.92, 19.0, 1.30),
    (1.21, 18.0, 0.85),
    (1.40, 21.0, 1.05),
    (1.68, 20.0, 1.10),
    (1.98, 24.0, 1.50),
    (2.10, 18.0, 0.60),
    (2.27, 20.0, 0.70),
    (2.56, 17.0, 0.20),
    (2.70, 18.0, 0.22),
    (2.99, 19.0, 0.60),
    (3.21, 22.0, 0.45),
    (3.62, 22.0, 0.35),
    (3.75, 22.0, 0.60),
    (3.86, 21.0, 0.50),
    (4.03, 22.0, 0.40),
    (4.20, 26.0, 0.40),
)
_LIPID = ((0.90, 22.0, 0.3), (1.29, 17.0, 0.9))


@dataclass(frozen=True, slots=True)
class Acquisition:
    """How a session is measured.

    Attributes
    ----------
    axis : Axis
        Of the signal.
    echo_time_s, repetition_time_s : float
        Of PRESS, in s.
    n_coils : int
        Receive coils.
    onset_s : (n_transients,) ndarray
        Start of each stored transient, in s: what changes over the session has in it
        the value of this moment, and not the mean over its interval.
    infusion_s : float
        Start of the infusion on the same clock, in s.
    snr : float
        Largest magnitude within 0.1 ppm of NAA, with what NAA stands on, over the noise
        SD in the real spectrum of one stored transient after ideal coil combination;
        infinity for no noise. NAA by itself is about a quarter lower.
    """

    axis: Axis
    echo_time_s: float
    repetition_time_s: float
    n_coils: int
    onset_s: RealArray
    infusion_s: float
    snr: float


@dataclass(frozen=True, slots=True)
class Measured:
    """The raw data of one session with its truth.

    Attributes
    ----------
    svs, water : Series
        Raw transients of all coils, and one unsuppressed water transient.
    amplitudes : dict
        True concentration of each metabolite in each transient, (n_transients,).
    frequency_hz, phase_rad : (n_transients,) ndarray
        True drift.
    """

    svs: Series
    water: Series
    amplitudes: dict[str, RealArray]
    frequency_hz: RealArray
    phase_rad: RealArray


def metabolite_responses(acquisition: Acquisition) -> BasisSet:
    """Return the responses of all metabolites to the acquisition's sequence."""
    protocol = protocol_for("press", acquisition.axis, echo_time_s=acquisition.echo_time_s)
    return simulate_basis(protocol, tuple(CONCENTRATIONS))


def measure(
    participant: Participant, session: Session, acquisition: Acquisition, basis: BasisSet
) -> Measured:
    """Return the raw data of one session.

    Parameters
    ----------
    participant, session
        Who, and when.
    acquisition : Acquisition
        How.
    basis : BasisSet
        As `metabolite_responses` returns it.
    """
    anatomy = np.random.default_rng(participant.seed)
    rng = np.random.default_rng(session.seed)
    axis, n_transients = acquisition.axis, acquisition.onset_s.size
    amplitudes = _amplitudes(anatomy, session, acquisition)
    shapes = _shapes(rng, acquisition)
    sign = np.sign(basis.fid("NAA")[0].real)
    spins = _metabolites(rng, basis, amplitudes, shapes, axis)
    spins += sign * amplitudes["Cr"].mean() * _broad(rng, shapes, axis)
    frequency_hz, phase_rad = _drift(rng, acquisition.onset_s)
    eddy = _eddy_phase(rng, axis)
    residual = sign * _residual_water(rng, amplitudes["NAA"].mean(), axis)
    moved = np.exp(
        1j * (2 * np.pi * np.outer(frequency_hz, axis.time_s) + phase_rad[:, np.newaxis] + eddy)
    )
    transients = (spins + residual) * moved
    sensitivity, mixing = _coils(anatomy, acquisition.n_coils)
    noise_sd = _noise_sd(spins, sensitivity, mixing, acquisition.snr, axis)
    water = sign * _WATER_PROTONS * np.exp(-np.pi * 7.0 * axis.time_s + 1j * eddy)[np.newaxis]
    coils = (sensitivity[:, np.newaxis, np.newaxis], mixing, noise_sd)
    return Measured(
        svs=_series(_received(rng, transients, *coils), acquisition, acquisition.onset_s),
        water=_series(_received(rng, water, *coils), acquisition, np.zeros(1)),
        amplitudes=amplitudes,
        frequency_hz=frequency_hz,
        phase_rad=phase_rad[:n_transients],
    )


def _amplitudes(
    anatomy: np.random.Generator, session: Session, acquisition: Acquisition
) -> dict[str, RealArray]:
    """Return concentrations in each transient: the participant's own, Glx responding."""
    own = {
        name: mean * (1 + _SPREAD * np.clip(anatomy.standard_normal(), -2.5, 2.5))
        for name, mean in CONCENTRATIONS.items()
    }
    factor = session.glx_factor(acquisition.onset_s - acquisition.infusion_s)
    steady = np.ones_like(factor)
    return {
        name: value * (factor if name in _RESPONDING else steady) for name, value in own.items()
    }


def _shapes(rng: np.random.Generator, acquisition: Acquisition) -> RealArray:
    """Return the Lorentzian width of each transient in Hz: narrower during the infusion."""
    width_hz = rng.uniform(3.0, 5.0)
    elapsed_s = np.maximum(acquisition.onset_s - acquisition.infusion_s, 0.0)
    narrowing: RealArray = width_hz - 0.3 * (1 - np.exp(-elapsed_s / 300.0))
    return narrowing


def _metabolites(
    rng: np.random.Generator,
    basis: BasisSet,
    amplitudes: dict[str, RealArray],
    width_hz: RealArray,
    axis: Axis,
) -> ComplexArray:
    """Return the metabolites' signal of each transient, lines jittered by substance."""
    time_s = axis.time_s
    gaussian_hz = rng.uniform(2.0, 4.0)
    shim = np.exp(-((np.pi * gaussian_hz * time_s) ** 2) / (4 * np.log(2)))
    total = np.zeros((width_hz.size, axis.n_points), dtype=np.complex128)
    for name in basis.names:
        shift_hz = 0.003 * axis.spectrometer_frequency_mhz * rng.standard_normal()
        own = np.exp(0.1 * rng.standard_normal())
        response = basis.fid(name) * shim * np.exp(2j * np.pi * shift_hz * time_s)
        decay = np.exp(-np.pi * own * np.outer(width_hz, time_s))
        total += amplitudes[name][:, np.newaxis] * response * decay
    return total


def _broad(rng: np.random.Generator, width_hz: RealArray, axis: Axis) -> ComplexArray:
    """Return macromolecules and a little lipid per unit of creatine, (n_transients, n_points)."""
    time_s, field = axis.time_s, axis.spectrometer_frequency_mhz / 123.25
    total = np.zeros(axis.n_points, dtype=np.complex128)
    for lines, spread in ((_MACROMOLECULES, 0.15), (_LIPID, 0.5)):
        for ppm, broad_hz, protons in lines:
            strength = protons * max(1 + spread * rng.standard_normal(), 0.0)
            decay = (np.pi * broad_hz * field * time_s) ** 2 / (4 * np.log(2))
            total += strength * np.exp(2j * np.pi * axis.hz(ppm) * time_s - decay)
    return total * np.exp(-np.pi * np.outer(width_hz, time_s))


def _drift(rng: np.random.Generator, onset_s: RealArray) -> tuple[RealArray, RealArray]:
    """Return frequency and phase of each transient: a slow drift and jitter."""
    share = (onset_s - onset_s.min()) / max(float(np.ptp(onset_s)), 1.0)
    jitter_hz, jitter_rad = rng.normal(0, 0.5, onset_s.size), rng.normal(0, 0.1, onset_s.size)
    frequency_hz = rng.normal(0, 1.5) + rng.normal(0, 3.0) * share + jitter_hz
    return frequency_hz, rng.uniform(-np.pi, np.pi) + jitter_rad


def _eddy_phase(rng: np.random.Generator, axis: Axis) -> RealArray:
    """Return the phase that two decaying eddy currents write on every signal, (n_points,)."""
    phase = np.zeros(axis.n_points)
    for time_constant_s in (0.008, 0.06):
        strength_hz = rng.normal(0, 1.5)
        decayed = 1 - np.exp(-axis.time_s / time_constant_s)
        phase += 2 * np.pi * strength_hz * time_constant_s * decayed
    return phase


def _residual_water(rng: np.random.Generator, naa: float, axis: Axis) -> ComplexArray:
    """Return what water suppression leaves: three lines near 4.65 ppm."""
    total = np.zeros(axis.n_points, dtype=np.complex128)
    for _ in range(3):
        strength = naa * rng.uniform(0.5, 4.0) * np.exp(1j * rng.uniform(-1.0, 1.0))
        offset_hz, width_hz = rng.normal(0, 4.0), rng.uniform(6.0, 14.0)
        total += strength * np.exp((2j * np.pi * offset_hz - np.pi * width_hz) * axis.time_s)
    return total


def _coils(anatomy: np.random.Generator, n_coils: int) -> tuple[ComplexArray, RealArray]:
    """Return complex sensitivities (n_coils,) and the matrix that correlates the noise."""
    if n_coils == 1:
        return np.ones(1, dtype=np.complex128), np.ones((1, 1))
    phase = anatomy.uniform(-np.pi, np.pi, n_coils)
    sensitivity = anatomy.uniform(0.3, 1.0, n_coils) * np.exp(1j * phase)
    correlation = 0.2 + 0.8 * np.eye(n_coils)
    gain = anatomy.uniform(0.8, 1.25, n_coils)
    return sensitivity, np.linalg.cholesky(np.asarray(correlation * np.outer(gain, gain)))


def _noise_sd(
    spins: ComplexArray, sensitivity: ComplexArray, mixing: RealArray, snr: float, axis: Axis
) -> float:
    """Return the noise SD a channel and sample at which NAA has the wanted SNR."""
    spectrum = np.abs(np.fft.fftshift(np.fft.fft(spins.mean(axis=0))))
    near_naa = np.abs(axis.ppm - 2.008) < 0.1
    covariance = mixing @ mixing.T
    gain = float(np.real(sensitivity.conj() @ np.linalg.solve(covariance, sensitivity)))
    # Ideal combination of unit noise gives sqrt(gain) times the signal; a transform
    # of n points multiplies the noise by sqrt(n).
    height = float(spectrum[near_naa].max()) * np.sqrt(gain)
    return float(height / snr / np.sqrt(axis.n_points))


def _received(
    rng: np.random.Generator,
    signal: ComplexArray,
    sensitivity: ComplexArray,
    mixing: RealArray,
    noise_sd: float,
) -> ComplexArray:
    """Return what the coils receive, (n_coils, n_transients, n_points), noise correlated."""
    shape = (2, len(mixing), *signal.shape)
    real, imaginary = rng.standard_normal(shape)
    noise = np.tensordot(mixing, real + 1j * imaginary, axes=1)
    received: ComplexArray = sensitivity * signal + noise_sd * noise
    return received


def _series(samples: ComplexArray, acquisition: Acquisition, onset_s: RealArray) -> Series:
    """Return raw data as a record."""
    return Series(
        samples=samples,
        axis=acquisition.axis,
        onset_s=onset_s,
        echo_time_s=acquisition.echo_time_s,
        repetition_time_s=acquisition.repetition_time_s,
    )
