"""Find the singlets of a response: where they really lie and how large they are."""

from dataclasses import dataclass
from itertools import product

import numpy as np

from glxflow.constants import load
from glxflow.spectrum import Axis, ComplexArray

REFERENCES = ("Cr", "PCr", "NAA", "PCh", "sIns", "GPC")
"""Substances by whose singlets a basis set is judged, the best first.

Coupled lines move the amplitude of NAA by 0.2 %, of PCh by 0.1 %, of GPC by 0.4 %."""

_FIT_S = 0.2
_STARTS_HZ = (0.0, 3.0, 8.0, 20.0)
_MOST_STEPS = 50
_ACCURACY_HZ = 1e-7
_PADDING = 4
_RATE_OF_1_HZ = np.pi**2 / (4 * np.log(2))
"""Decay, in 1/s^2, of a Gaussian line whose full width at half height is 1 Hz."""


@dataclass(frozen=True, slots=True)
class Singlets:
    """The singlets of one response as they are found.

    Attributes
    ----------
    deviation_ppm : float
        How far above their chemical shifts all of them lie, in ppm.
    lorentzian_hz, gaussian_hz : float
        Their widths, both at once.
    amplitudes : (n_singlets,) complex ndarray
        Signal of each at t = 0, the highest first.
    """

    deviation_ppm: float
    lorentzian_hz: float
    gaussian_hz: float
    amplitudes: ComplexArray


def singlets_ppm(name: str) -> tuple[float, ...]:
    """Return the chemical shifts of a substance's singlets, the highest line first."""
    return tuple(ppm for ppm, _ in _lone_groups(name))


def protons(name: str) -> float:
    """Return how many protons the highest line of a substance stands for."""
    return _lone_groups(name)[0][1]


def is_all_singlets(name: str) -> bool:
    """Tell whether a substance has no coupled protons."""
    return len(_lone_groups(name)) == len(load("spin_systems")["metabolites"][name]["groups"])


def full_name(name: str) -> str:
    """Return a substance's name in words."""
    return str(load("spin_systems")["metabolites"][name]["full_name"])


def _lone_groups(name: str) -> list[tuple[float, float]]:
    """Return chemical shift and number of protons of every group without couplings."""
    groups = load("spin_systems")["metabolites"][name]["groups"]
    return [
        (float(next(iter(group["spins"].values()))), float(group["scale"]))
        for group in groups
        if len(group["spins"]) == 1
    ]


def peak_hz(fid: ComplexArray, axis: Axis) -> float:
    """Return where the highest line of a response lies, in Hz from the reference."""
    n_points = _PADDING * axis.n_points
    frequency_hz = np.fft.fftfreq(n_points, axis.dwell_time_s)
    return float(frequency_hz[np.abs(np.fft.fft(fid, n_points)).argmax()])


def fitted_singlets(fid: ComplexArray, axis: Axis, name: str) -> Singlets:
    """Return the singlets of a substance, with one offset and one width for all.

    Parameters
    ----------
    fid : (n_points,) complex ndarray
        Its response.
    axis : Axis
        Axes of the response.
    name : str
        One of `REFERENCES`.
    """
    model = _Model(fid, axis, singlets_ppm(name))
    offset_hz = peak_hz(fid, axis) - axis.hz(singlets_ppm(name)[0])
    starts = [_decay(offset_hz, *widths_hz) for widths_hz in product(_STARTS_HZ, _STARTS_HZ)]
    decay = min(starts, key=lambda start: model.solved(start)[1])
    amplitudes, misfit, step = model.solved(decay)
    for _ in range(_MOST_STEPS):
        tried = _possible(decay + step)
        found = model.solved(tried)
        if found[1] > misfit:
            step = step / 2
        else:
            decay, (amplitudes, misfit, step) = tried, found
        if abs(step[0]) < _ACCURACY_HZ:
            break
    return Singlets(
        deviation_ppm=float(decay[0].imag) / (2 * np.pi) / axis.spectrometer_frequency_mhz,
        lorentzian_hz=-float(decay[0].real) / np.pi,
        gaussian_hz=float(np.sqrt(-decay[1].real / _RATE_OF_1_HZ)),
        amplitudes=amplitudes,
    )


class _Model:
    """Lines at given chemical shifts that move and widen alike, against the begin of a signal."""

    def __init__(self, fid: ComplexArray, axis: Axis, shifts_ppm: tuple[float, ...]) -> None:
        time_s = axis.time_s[axis.time_s < _FIT_S][1:]
        # A window that ends at zero keeps the sides of coupled lines off the singlets.
        self._window = np.sin(np.pi * np.arange(1, time_s.size + 1) / (time_s.size + 1))
        self._signal = fid[1 : time_s.size + 1] * self._window
        self._turns = np.outer(time_s, [2j * np.pi * axis.hz(ppm) for ppm in shifts_ppm])
        self._powers = np.stack([time_s, time_s**2], axis=1)

    def solved(self, decay: ComplexArray) -> tuple[ComplexArray, float, ComplexArray]:
        """Return amplitudes, misfit and Newton's step for the exponent's terms in t and t^2."""
        exponents = self._turns + (self._powers @ decay)[:, np.newaxis]
        columns = np.exp(exponents) * self._window[:, np.newaxis]
        amplitudes = np.linalg.lstsq(columns, self._signal)[0].astype(np.complex128)
        model = columns @ amplitudes
        slopes = self._powers * model[:, np.newaxis]
        both = np.concatenate([columns, slopes], axis=1)
        step = np.linalg.lstsq(both, self._signal)[0][-2:].astype(np.complex128)
        return amplitudes, float(np.linalg.norm(model - self._signal)), step


def _decay(offset_hz: float, lorentzian_hz: float, gaussian_hz: float) -> ComplexArray:
    """Return the exponent's terms in t and t^2 of an offset and full widths at half height."""
    in_t = complex(-np.pi * lorentzian_hz, 2 * np.pi * offset_hz)
    return np.array([in_t, -_RATE_OF_1_HZ * gaussian_hz**2])


def _possible(decay: ComplexArray) -> ComplexArray:
    """Return terms in t and t^2 with which no signal grows."""
    return np.array([complex(min(decay[0].real, 0.0), decay[0].imag), min(decay[1].real, 0.0)])
