"""Shaped pulses: their waveforms, and where along a slice gradient they act."""

from dataclasses import dataclass, replace

import numpy as np

from glxflow.constants import load
from glxflow.spectrum import ComplexArray, RealArray


@dataclass(frozen=True, slots=True)
class ShapedPulse:
    """One radio-frequency pulse.

    Attributes
    ----------
    waveform_hz : (n_steps,) complex ndarray
        Gamma B1 / (2 pi) of each step with its phase, in Hz.
    duration_s : float
        Length, in s.
    bandwidth_hz : float
        Width of the slice that it selects, in Hz; 0 where it selects none.
    n_chunks : int
        Number of pieces between which coupling acts; the error of the signal
        falls sixteenfold when it doubles.
    """

    waveform_hz: ComplexArray
    duration_s: float
    bandwidth_hz: float
    n_chunks: int

    def shifted(self, offset_hz: float) -> "ShapedPulse":
        """Return the pulse on another carrier, with its phase kept at its centre."""
        n_steps = self.waveform_hz.size
        time_s = (np.arange(n_steps) + 0.5 - n_steps / 2) * self.duration_s / n_steps
        turned = self.waveform_hz * np.exp(2j * np.pi * offset_hz * time_s)
        return replace(self, waveform_hz=turned)


@dataclass(frozen=True, slots=True)
class Localisation:
    """Slice-selective refocusing along two axes, simulated on a grid of positions.

    Attributes
    ----------
    pulse : ShapedPulse
        Refocusing pulse of every slice.
    carrier_ppm : float
        Chemical shift at which the slice is where it was prescribed, in ppm.
    slice_mm, fov_mm : float
        Thickness of the slice and width of the simulated field, in mm.
    n_positions : int
        Positions along each axis, centred on the slice.
    """

    pulse: ShapedPulse
    carrier_ppm: float
    slice_mm: float
    fov_mm: float
    n_positions: int

    @property
    def position_hz(self) -> RealArray:
        """Offset of each position under the slice gradient, (n_positions,), in Hz."""
        position_mm = np.linspace(-self.fov_mm / 2, self.fov_mm / 2, self.n_positions)
        return np.asarray(position_mm * self.pulse.bandwidth_hz / self.slice_mm)


def press_localisation() -> Localisation:
    """Return the default shaped refocusing of PRESS and MEGA-PRESS."""
    entry = load("pulses")["refocusing_1100hz"]
    waveform_hz = np.array(entry["waveform_hz"], dtype=np.complex128)
    return _localised(ShapedPulse(waveform_hz, entry["duration_s"], entry["bandwidth_hz"], 24))


def adiabatic_localisation() -> Localisation:
    """Return the default adiabatic refocusing of semi-LASER."""
    entry = load("pulses")["adiabatic_hs"]
    # sech(beta tau) in amplitude, and a frequency sweep of tanh(beta tau) over the bandwidth.
    tau = _step_centres(entry["n_steps"])
    beta, duration_s, width_hz = entry["truncation"], entry["duration_s"], entry["bandwidth_hz"]
    sweep = np.pi * duration_s * width_hz / (2 * beta) * np.log(np.cosh(beta * tau))
    waveform_hz = entry["peak_hz"] / np.cosh(beta * tau) * np.exp(1j * sweep)
    return _localised(ShapedPulse(waveform_hz, duration_s, width_hz, 32))


def editing_pulse() -> ShapedPulse:
    """Return the default editing pulse of MEGA-PRESS: a Gaussian of 180 degrees."""
    entry = load("pulses")["editing_gaussian"]
    tau = _step_centres(entry["n_steps"])
    shape = np.exp(np.log(entry["truncation"]) * tau**2)
    scale = 0.5 / (shape.mean() * entry["duration_s"])
    waveform_hz = (scale * shape).astype(np.complex128)
    return ShapedPulse(waveform_hz, entry["duration_s"], 0.0, 80)


def localisation_for(sequence: str) -> Localisation:
    """Return the default shaped refocusing of a sequence: adiabatic for semi-LASER."""
    return adiabatic_localisation() if sequence == "slaser" else press_localisation()


def _step_centres(n_steps: int) -> RealArray:
    """Return the centres of equal steps on -1 to 1."""
    return (np.arange(n_steps) + 0.5) * 2 / n_steps - 1


def _localised(pulse: ShapedPulse) -> Localisation:
    """Put a pulse into the default slice."""
    entry = load("pulses")["localisation"]
    return Localisation(
        pulse=pulse,
        carrier_ppm=entry["carrier_ppm"],
        slice_mm=entry["slice_mm"],
        fov_mm=entry["fov_mm"],
        n_positions=entry["n_positions"],
    )
