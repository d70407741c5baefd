"""The axes of a sampled signal, and its spectrum."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glxflow.spectrum.arrays import ComplexArray, RealArray

SIGNAL_PPM = (-1.0, 9.5)
"""Chemical shifts between which brains have signal; noise is told beside them."""


@dataclass(frozen=True, slots=True)
class Axis:
    """The time, frequency and chemical-shift axes of a sampled signal.

    Attributes
    ----------
    n_points : int
        Number of complex samples.
    dwell_time_s : float
        Time between samples, in s.
    spectrometer_frequency_mhz : float
        Frequency that sits at `reference_ppm`, in MHz.
    reference_ppm : float
        Chemical shift at 0 Hz, in ppm. It has no default: tools disagree
        (4.65, 4.68, 4.7), and 0.05 ppm is 6 Hz at 3 T.
    """

    n_points: int
    dwell_time_s: float
    spectrometer_frequency_mhz: float
    reference_ppm: float

    def __post_init__(self) -> None:
        for name in ("n_points", "dwell_time_s", "spectrometer_frequency_mhz"):
            value = getattr(self, name)
            if not value > 0:
                raise ValueError(f"{name} must be positive, not {value!r}")

    @property
    def time_s(self) -> RealArray:
        """Sample times, (n_points,), in s."""
        return np.arange(self.n_points, dtype=np.float64) * self.dwell_time_s

    @property
    def bandwidth_hz(self) -> float:
        """Spectral width, in Hz."""
        return 1.0 / self.dwell_time_s

    @property
    def frequency_hz(self) -> RealArray:
        """Offsets from the reference, (n_points,), in Hz, ascending."""
        offsets = np.fft.fftshift(np.fft.fftfreq(self.n_points, self.dwell_time_s))
        return np.asarray(offsets, dtype=np.float64)

    @property
    def ppm(self) -> RealArray:
        """Chemical shifts, (n_points,), in ppm, ascending."""
        return self.reference_ppm + self.frequency_hz / self.spectrometer_frequency_mhz

    def hz(self, ppm: float) -> float:
        """Return the offset of a chemical shift from 0 Hz, in Hz."""
        return (ppm - self.reference_ppm) * self.spectrometer_frequency_mhz


def spectrum_of(samples: npt.ArrayLike) -> ComplexArray:
    """Return the discrete Fourier transform over the last axis, on `Axis.frequency_hz`."""
    transformed: ComplexArray = np.fft.fftshift(np.fft.fft(samples, axis=-1), axes=-1)
    return transformed
