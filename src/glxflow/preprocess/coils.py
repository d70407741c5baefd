"""Combine receive coils with the best signal to noise.

Whitened singular value decomposition (Rodgers & Robson 2010, doi:10.1002/mrm.22230):
coils are weighted by their sensitivity and by the inverse of their noise covariance.
Sensitivities are the strongest eigenvector of the coils' signal covariance, which no
drift in frequency or phase from transient to transient can change.
"""

from dataclasses import dataclass

import numpy as np

from glxflow.errors import DataError
from glxflow.preprocess.band import SINGLETS, band_spectra
from glxflow.spectrum import Axis, BoolArray, ComplexArray, RealArray

_TAIL = 0.25
_NOISE_SAMPLES = 20_000
_DEAD = 1e-3
_CLIPPED_SHARE = 0.99999
_ROUNDING_STEPS = 16
_START_SHARE = 16
_MOST_TRANSIENTS = 64

CLIPPED_SAMPLES = 4
_FEWEST_CLIPPED = 2
"""How many samples of a transient at its largest value make a coil saturated."""


@dataclass(frozen=True, slots=True)
class CoilWeights:
    """How to combine coils, and how good that is.

    Attributes
    ----------
    weights : (n_coils,) complex ndarray
        Conjugate weights: the combined signal is ``weights.conj() @ samples``.
        Coils left out have 0. Scaled so that a signal arrives as strong as the
        root of the summed squares of its coils.
    source : str
        "water", "metabolites", or "one coil".
    dead, saturated : tuple of int
        Coils left out, counted from 0. One coil that is alone is named and kept.
    efficiency : float
        Signal to noise of the metabolites with these weights, over the best
        that any weights reach on the same data.
    """

    weights: ComplexArray
    source: str
    dead: tuple[int, ...]
    saturated: tuple[int, ...]
    efficiency: float


def combine(samples: ComplexArray, weights: ComplexArray) -> ComplexArray:
    """Return the combined transients, (n_transients, n_points).

    Parameters
    ----------
    samples : (n_coils, n_transients, n_points) complex ndarray
        Transients of every coil.
    weights : (n_coils,) complex ndarray
        As in `CoilWeights`.
    """
    n_coils, n_transients, n_points = samples.shape
    combined: ComplexArray = weights.conj() @ samples.reshape(n_coils, -1)
    return combined.reshape(n_transients, n_points)


def coil_weights(samples: ComplexArray, water: ComplexArray | None, axis: Axis) -> CoilWeights:
    """Return the weights that give the metabolites the best signal to noise.

    Parameters
    ----------
    samples : (n_coils, n_transients, n_points) complex ndarray
        Water-suppressed transients; their tails give the noise.
    water : (n_coils, n_references, n_water_points) complex ndarray or None
        Unsuppressed water, from the same coils in the same order.
    axis : Axis
        Axes of `samples`.

    Raises
    ------
    DataError
        If the numbers of coils differ, or every coil is dead or saturated.
    """
    if water is not None and len(water) != len(samples):
        raise DataError(
            f"the scan has {len(samples)} coils but the water reference {len(water)}, so that its "
            "coil weights do not apply. Give the reference of the same session with the same coil "
            "configuration, or run without a reference."
        )
    if len(samples) == 1:
        alone = np.ones(1, dtype=np.complex128)
        return CoilWeights(alone, "one coil", (), _indices(saturated(samples)), 1.0)
    noise = noise_covariance(samples)
    dead = _dead(np.real(np.diag(noise)))
    if water is not None:
        # A coil that only the scan has would make its signal stronger than that of water.
        dead = dead | _dead((np.abs(water) ** 2).mean(axis=(1, 2)))
    clipped = saturated(samples) | (saturated(water) if water is not None else False)
    good = ~dead & ~clipped
    if not good.any():
        raise DataError(
            f"no coil is usable: {dead.sum()} of {dead.size} without signal and {clipped.sum()} "
            "saturated. Check the receiver gain and the coil plug, and scan again."
        )
    # Matrices are cut to the good coils, not samples: that would copy the whole scan.
    pairs = np.ix_(good, good)
    whitener = noise[pairs]
    metabolites = metabolite_covariance(samples, noise, axis)[pairs]
    best = strongest(metabolites, whitener)
    source, chosen = "metabolites", best
    if water is not None:
        source, chosen = "water", strongest(water_covariance(water)[pairs], whitener)
    share = _gain(chosen, metabolites, whitener) / _gain(best, metabolites, whitener)
    efficiency = np.sqrt(max(share, 0.0))
    weights = np.zeros(len(samples), dtype=np.complex128)
    weights[good] = chosen
    return CoilWeights(weights, source, _indices(dead), _indices(clipped), float(efficiency))


def noise_covariance(samples: ComplexArray) -> ComplexArray:
    """Return the covariance of the coils' noise, from the tails of the transients.

    Parameters
    ----------
    samples : (n_coils, n_transients, n_points) complex ndarray
        Transients of every coil.

    Returns
    -------
    (n_coils, n_coils) complex ndarray
        In signal units squared. Where samples are few the off-diagonal elements
        are shrunk [1]_, since noise in the covariance costs signal to noise.

    References
    ----------
    .. [1] Schaefer J., Strimmer K., Stat Appl Genet Mol Biol 4:32 (2005).
       doi:10.2202/1544-6115.1175
    """
    n_coils, n_transients, n_points = samples.shape
    # Some scanners fill the end with zeros, where there is no noise to find.
    filled = np.flatnonzero(samples[:, n_transients // 2].any(axis=0))
    stop = int(filled[-1]) + 1 if filled.size else n_points
    start = stop - int(stop * _TAIL)
    every = max(n_transients * (stop - start) // _NOISE_SAMPLES, 1)
    tails = samples[:, ::every, start:stop]
    # Second differences take off what is left of the slow, on-resonance water;
    # they colour the noise of all coils alike, which no weight depends on.
    tails = np.diff(tails, n=2, axis=2).reshape(n_coils, -1) / np.sqrt(6)
    covariance: ComplexArray = tails @ tails.conj().T / tails.shape[1]
    return _shrunk(covariance, tails.shape[1])


def _shrunk(covariance: ComplexArray, n_samples: int) -> ComplexArray:
    """Return the covariance with its off-diagonal elements shrunk by their reliability."""
    power = np.real(np.diag(covariance))
    off_diagonal = ~np.eye(len(power), dtype=bool)
    scale = np.outer(power, power)[off_diagonal]
    usable = scale > 0
    strength = np.abs(covariance[off_diagonal]) ** 2
    observed = float((strength[usable] / scale[usable]).sum())
    if observed == 0:
        return covariance
    shrunk = covariance.copy()
    shrunk[off_diagonal] *= 1 - min(np.count_nonzero(usable) / n_samples / observed, 1.0)
    return shrunk


def metabolite_covariance(samples: ComplexArray, noise: ComplexArray, axis: Axis) -> ComplexArray:
    """Return the covariance of the coils' signals between 1.8 and 4.2 ppm, less the noise's.

    Neither residual water nor lipid enters: both come from elsewhere in the head
    and would turn the weights towards their coils.

    Parameters
    ----------
    samples : (n_coils, n_transients, n_points) complex ndarray
        Water-suppressed transients.
    noise : (n_coils, n_coils) complex ndarray
        Covariance of a noise sample, in signal units squared.
    axis : Axis
        Axes of the transients.
    """
    n_coils, n_transients, n_points = samples.shape
    every = -(-n_transients // _MOST_TRANSIENTS)
    spectra = np.stack([band_spectra(coil[::every], axis, SINGLETS) for coil in samples])
    flat = spectra.reshape(n_coils, -1)
    # A point of the spectrum sums n_points samples, and with them their noise.
    covariance: ComplexArray = flat @ flat.conj().T - flat.shape[1] * n_points * noise
    return covariance


def water_covariance(water: ComplexArray) -> ComplexArray:
    """Return the covariance of the coils' water signals, from the first half of the decay.

    Parameters
    ----------
    water : (n_coils, n_references, n_points) complex ndarray
        Unsuppressed water.
    """
    n_coils, _, n_points = water.shape
    flat = water[:, :, : n_points // 2].reshape(n_coils, -1)
    covariance: ComplexArray = flat @ flat.conj().T
    return covariance


def strongest(signal: ComplexArray, noise: ComplexArray) -> ComplexArray:
    """Return the weights with the most signal relative to noise, (n_coils,).

    Parameters
    ----------
    signal, noise : (n_coils, n_coils) complex ndarray
        Covariances between coils.
    """
    # With noise = root root^H, the weights of whitened coils are an ordinary eigenvector.
    root = np.linalg.cholesky(noise)
    whitened = np.linalg.solve(root, np.linalg.solve(root, signal).conj().T)
    _, vectors = np.linalg.eigh(whitened)
    weights = np.linalg.solve(root.conj().T, vectors[:, -1])
    sensitivity = noise @ weights
    # A signal of unit sensitivity arrives with 1, and without a turn in its strongest coil.
    leading = np.abs(sensitivity).argmax()
    turn = np.exp(-1j * np.angle(sensitivity[leading]))
    scale = np.linalg.norm(sensitivity) / np.real(np.vdot(sensitivity, weights))
    scaled: ComplexArray = weights * turn * scale
    return scaled


def saturated(samples: ComplexArray) -> BoolArray:
    """Tell which coils clip: several samples share the largest value of a transient, in two.

    In one of hundreds of transients that are integers they do so by chance.

    Parameters
    ----------
    samples : (n_coils, n_transients, n_points) complex ndarray
        Transients as received; clipping shows at their start.
    """
    n_start = max(samples.shape[2] // _START_SHARE, CLIPPED_SAMPLES)
    n_clipped = np.zeros(len(samples), dtype=int)
    for index, coil in enumerate(samples):
        for channel in (coil.real, coil.imag):
            start = np.abs(channel[:, :n_start])
            top = start.max(axis=1, keepdims=True)
            at_top = (start >= _CLIPPED_SHARE * top) & (top > 0)
            suspects = np.flatnonzero(at_top.sum(axis=1) >= CLIPPED_SAMPLES)
            n_clipped[index] += sum(_piles_up(np.abs(channel[one])) for one in suspects)
    clipped: BoolArray = n_clipped >= min(_FEWEST_CLIPPED, samples.shape[1])
    return clipped


def _piles_up(size: RealArray) -> bool:
    """Tell whether more samples of a transient share its largest value than come close to it.

    Rounding to integers makes equal values, too, but leaves three times as many within sixteen
    steps below the top of a smooth signal as on it, and more of a noisy one.
    """
    top = float(size.max())
    step = float(np.diff(np.unique(np.append(size, 0.0))).min())
    n_top = int((size >= _CLIPPED_SHARE * top).sum())
    n_near = int((size >= top - _ROUNDING_STEPS * step).sum()) - n_top
    return top > _ROUNDING_STEPS * step and n_top >= max(CLIPPED_SAMPLES, n_near + 1)


def _dead(power: RealArray) -> BoolArray:
    """Tell which coils hold next to nothing: unplugged, or zeros in the file."""
    typical = np.median(power[power > 0]) if (power > 0).any() else 0.0
    dead: BoolArray = power <= _DEAD**2 * typical
    return dead


def _gain(weights: ComplexArray, signal: ComplexArray, noise: ComplexArray) -> float:
    """Return signal over noise power with given weights."""
    return float(
        np.real(np.vdot(weights, signal @ weights)) / np.real(np.vdot(weights, noise @ weights))
    )


def _indices(mask: BoolArray) -> tuple[int, ...]:
    """Return the positions of True."""
    return tuple(int(index) for index in np.flatnonzero(mask))
