"""One free induction decay, and the transients of an acquisition."""

from dataclasses import dataclass

from glxflow.spectrum.arrays import ComplexArray, RealArray, frozen_complex, frozen_real
from glxflow.spectrum.axis import Axis, spectrum_of
from glxflow.spectrum.notes import Flag, Step


@dataclass(frozen=True, slots=True)
class Fid:
    """One complex free induction decay, with what is needed to read its axes.

    Attributes
    ----------
    samples : (n_points,) complex ndarray
        Signal in the time domain, arbitrary units; copied and made read-only.
    axis : Axis
        Its time, frequency and chemical-shift axes.

    Raises
    ------
    ValueError
        If `samples` is not one-dimensional, holds NaN or infinity, or is not as
        long as the axis.
    """

    samples: ComplexArray
    axis: Axis

    def __post_init__(self) -> None:
        object.__setattr__(self, "samples", frozen_complex(self.samples, "samples", 1))
        if self.samples.size != self.axis.n_points:
            raise ValueError(f"{self.samples.size} samples on an axis of {self.axis.n_points}")

    @property
    def spectrum(self) -> ComplexArray:
        """Discrete Fourier transform of `samples`, on ``axis.frequency_hz``."""
        return spectrum_of(self.samples)


@dataclass(frozen=True, slots=True)
class Series:
    """Transients of one acquisition, before or after coil combination.

    Attributes
    ----------
    samples : (n_coils, n_transients, n_points) complex ndarray
        Time-domain signal, arbitrary units; copied and made read-only.
    axis : Axis
        Time, frequency and chemical-shift axes of the last dimension.
    onset_s : (n_transients,) ndarray
        Start of each transient on the session's clock (that of events.tsv), in s.
    echo_time_s, repetition_time_s : float
        As the header says, in s. TR is NaN where the file does not know it.
    steps : tuple of Step
        What has been done to the samples, oldest first.
    flags : tuple of Flag
        Doubts about them from reading.
    """

    samples: ComplexArray
    axis: Axis
    onset_s: RealArray
    echo_time_s: float
    repetition_time_s: float
    steps: tuple[Step, ...] = ()
    flags: tuple[Flag, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "samples", frozen_complex(self.samples, "samples", 3))
        object.__setattr__(self, "onset_s", frozen_real(self.onset_s))
        if self.samples.shape[2] != self.axis.n_points:
            raise ValueError(
                f"{self.samples.shape[2]} points a transient on an axis of {self.axis.n_points}"
            )
        if self.onset_s.shape != (self.samples.shape[1],):
            raise ValueError(f"{self.onset_s.shape} onsets for {self.samples.shape[1]} transients")

    @property
    def n_coils(self) -> int:
        """Number of receive coils; 1 after combination."""
        return len(self.samples)

    @property
    def n_transients(self) -> int:
        """Number of transients."""
        return len(self.onset_s)

    def fid(self, transient: int) -> Fid:
        """Return one transient of a combined series."""
        if self.n_coils != 1:
            raise ValueError(f"{self.n_coils} coils: combine them first")
        return Fid(self.samples[0, transient], self.axis)
