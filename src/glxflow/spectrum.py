"""The records that stages hand to each other: frozen, checked once, units in the names.

Inside the package a line at `ppm` is ``exp(+2j pi (ppm - reference_ppm) f0 t)``:
higher ppm is positive frequency. NIfTI-MRS and LCModel store the conjugate;
`glxflow.io` converts once, at the door. The last axis of an array is time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

import numpy as np
import numpy.typing as npt

ComplexArray = npt.NDArray[np.complex128]
RealArray = npt.NDArray[np.float64]
SingleArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]


def _frozen_complex(values: npt.ArrayLike, name: str, n_dims: int) -> ComplexArray:
    """Return a read-only complex copy of `values`, or say why it cannot be one."""
    array = np.array(values, dtype=np.complex128)
    if array.ndim != n_dims:
        raise ValueError(f"{name} must have {n_dims} dimension(s), not shape {array.shape}")
    bad = np.flatnonzero(~np.isfinite(array))
    if bad.size:
        raise ValueError(f"{bad.size} of {array.size} {name} are not finite, first at {bad[0]}")
    array.setflags(write=False)
    return array


def _frozen_real(values: npt.ArrayLike) -> RealArray:
    """Return a read-only float copy of `values`."""
    array = np.array(values, dtype=np.float64)
    array.setflags(write=False)
    return array


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
        object.__setattr__(self, "samples", _frozen_complex(self.samples, "samples", 1))
        if self.samples.size != self.axis.n_points:
            raise ValueError(f"{self.samples.size} samples on an axis of {self.axis.n_points}")

    @property
    def spectrum(self) -> ComplexArray:
        """Discrete Fourier transform of `samples`, on ``axis.frequency_hz``."""
        return spectrum_of(self.samples)


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
    """

    samples: ComplexArray
    axis: Axis
    onset_s: RealArray
    echo_time_s: float
    repetition_time_s: float
    steps: tuple[Step, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "samples", _frozen_complex(self.samples, "samples", 3))
        object.__setattr__(self, "onset_s", _frozen_real(self.onset_s))
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


class Kind(Enum):
    """What a basis function stands for; decides its priors and whether it is reported."""

    METABOLITE = "metabolite"
    MACROMOLECULE = "macromolecule"
    LIPID = "lipid"


_REPORTED = {"Ins": "mI", "sIns": "sI"}


def reported(name: str) -> str:
    """Return the name by which tables, figures and options call a component."""
    return _REPORTED.get(name, name)


@dataclass(frozen=True, slots=True)
class BasisSet:
    """Responses of pure substances to one pulse sequence.

    Attributes
    ----------
    names : tuple of str
        Standard abbreviations (`Glu`, `NAA`, `Ins`, ...), unique.
    kinds : tuple of Kind
        What each is. Macromolecules and lipids are scaled so that equal
        amplitudes are their expected ratio.
    fids : (n_components, n_points) complex ndarray
        Time-domain responses without relaxation beyond `linewidth_hz`; one
        isolated proton is 1 at t = 0.
    axis : Axis
        Time, frequency and chemical-shift axes of the last dimension.
    echo_time_s : float
        Echo time, in s; NaN where the file does not know it.
    linewidth_hz : float
        Lorentzian width at half height that the responses already carry, in Hz.
    source : str
        Where it comes from, for a reader: file, or sequence and timings.
    notes : tuple of str
        What was changed on reading (conjugated, re-referenced, resampled).
    gaussian_hz : tuple of float
        Full width of each component that is one Gaussian line, 0 of any other, in Hz;
        empty where there is no such line.
    """

    names: tuple[str, ...]
    kinds: tuple[Kind, ...]
    fids: ComplexArray
    axis: Axis
    echo_time_s: float
    linewidth_hz: float
    source: str
    notes: tuple[str, ...] = ()
    gaussian_hz: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "fids", _frozen_complex(self.fids, "fids", 2))
        shape = (len(self.names), self.axis.n_points)
        if len(self.gaussian_hz) not in (0, shape[0]):
            raise ValueError(f"{len(self.gaussian_hz)} Gaussian widths of {shape[0]} components")
        if self.fids.shape != shape or len(self.kinds) != shape[0]:
            raise ValueError(f"fids have shape {self.fids.shape}, not {shape}")
        if len(set(self.names)) != len(self.names):
            raise ValueError(f"names are not unique: {self.names}")

    def fid(self, name: str) -> ComplexArray:
        """Return the response of one substance, (n_points,)."""
        response: ComplexArray = self.fids[self.names.index(name)]
        return response

    def chosen(self, kept: Sequence[int]) -> "BasisSet":
        """Return some of the components, by their places."""
        return replace(
            self,
            names=tuple(self.names[index] for index in kept),
            kinds=tuple(self.kinds[index] for index in kept),
            fids=self.fids[list(kept)],
            gaussian_hz=tuple(self.gaussian_hz[index] for index in kept if self.gaussian_hz),
        )

    def without(self, *kinds: Kind) -> "BasisSet":
        """Return the components that are of none of these kinds."""
        return self.chosen([index for index, kind in enumerate(self.kinds) if kind not in kinds])

    def joined(self, other: "BasisSet") -> "BasisSet":
        """Return these components and those of another set on the same axis, with its notes."""
        if other.axis != self.axis:
            raise ValueError(f"one basis set is on {self.axis}, the other on {other.axis}")
        both = (self, other)
        widths_hz = [one.gaussian_hz or (0.0,) * len(one.names) for one in both]
        return replace(
            self,
            names=(*self.names, *other.names),
            kinds=(*self.kinds, *other.kinds),
            fids=np.concatenate([self.fids, other.fids]),
            notes=(*self.notes, *other.notes),
            gaussian_hz=(*widths_hz[0], *widths_hz[1]),
        )


class FitStatus(Enum):
    """How a fit ended; the value is the sentence that tables and pages print."""

    CONVERGED = "converged"
    NOT_CONVERGED = "not converged: no minimum within the iteration limit, values are not averaged"
    FAILED = "failed: the data could not be modelled, no values"


@dataclass(frozen=True, slots=True)
class Flag:
    """One doubt about a result: what, the value, the limit, and what to do."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class FitResult:
    """Amplitudes of one spectrum, their uncertainty, and the curves to judge them by.

    Attributes
    ----------
    names, kinds : tuple
        Basis functions, in the order of the arrays.
    amplitudes : (n_components,) ndarray
        Non-negative least-squares amplitudes, in signal units per proton.
    covariance : (n_components, n_components) ndarray
        Posterior covariance: inverse Hessian with all nuisance parameters,
        priors and the baseline, scaled by the noise (and by the residual where
        that is larger).
    crlb : (n_components,) ndarray
        Cramer-Rao bounds as sandwich SDs: noise alone, at this penalised fit.
    shift_ppm, linewidth_hz : (n_components,) ndarray
        Fitted offset from the expected chemical shift, and full width at half
        height added to the basis function.
    phase_rad, delay_s, offset_ppm : float
        Zero-order phase, first-order phase as a delay, and common frequency
        offset that were taken off the data.
    ppm : (n_fit,) ndarray
        Chemical shifts of the curves, ascending.
    data, baseline : (n_fit,) ndarray
        Phased real spectrum and fitted baseline, in signal units.
    components : (n_components, n_fit) ndarray
        Fitted curve of each basis function; data = baseline + sum + residual.
    noise_sd : float
        SD of the noise in `data`, in signal units.
    snr : float
        Height of the NAA peak over the SD of the noise in the real spectrum of
        the whole, unapodised signal (a fit may use only its beginning).
    fwhm_hz : float
        Full width at half height of the fitted NAA or NAAG (else Cr) singlet, in Hz.
    reduced_chi2 : float
        Residual sum of squares over its expectation; 1 for a perfect model.
    baseline_ed : float
        Effective dimension of the baseline per ppm.
    status : FitStatus
        How the fit ended.
    flags : tuple of Flag
        Doubts, each with its value and limit.
    noise_covariance : (n_components, n_components) ndarray or None
        Covariance that noise alone causes; `crlb` is the root of its diagonal.
    """

    names: tuple[str, ...]
    kinds: tuple[Kind, ...]
    amplitudes: RealArray
    covariance: RealArray
    crlb: RealArray
    shift_ppm: RealArray
    linewidth_hz: RealArray
    phase_rad: float
    delay_s: float
    offset_ppm: float
    ppm: RealArray
    data: RealArray
    baseline: RealArray
    components: RealArray
    noise_sd: float
    snr: float
    fwhm_hz: float
    reduced_chi2: float
    baseline_ed: float
    status: FitStatus
    flags: tuple[Flag, ...] = field(default=())
    noise_covariance: RealArray | None = None

    @property
    def fit(self) -> RealArray:
        """Baseline plus all components, (n_fit,), in signal units."""
        total: RealArray = self.baseline + self.components.sum(axis=0)
        return total

    @property
    def residual(self) -> RealArray:
        """Data minus fit, (n_fit,), in signal units."""
        difference: RealArray = self.data - self.fit
        return difference
