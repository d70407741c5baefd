"""Recovery of GABA+, Glx, Glu and Gln from edited sessions of known truth.

Run ``OPENBLAS_NUM_THREADS=1 python benchmarks/fit/edited.py --sessions 200`` (about 2 minutes
a core). MEGA-PRESS, 3 T, TE 68 ms. Metabolites come from the density-matrix basis set;
macromolecules, line shapes, the mismatch of ON and OFF and all scatter are written out here
and share no prior, constant or function with the fit.
"""

import argparse
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from glxflow.basis.coedited import edited_total, with_coedited
from glxflow.basis.protocol import protocol_for
from glxflow.basis.simulate import edited_difference, simulate_basis
from glxflow.fit import (
    FitModel,
    FitOptions,
    fit_edited,
    fit_ensemble,
    fit_prepared,
    prepare,
    prepare_edited,
)
from glxflow.fit.edited_model import LOWEST_EDITED_PPM
from glxflow.fit.edited_result import EditedFit
from glxflow.quantify import model_spreads, ratio
from glxflow.spectrum import Axis, BasisSet, ComplexArray, Fid, FitResult

FIRST_REPORTED_SEED = 1000
MEAN_MM = {
    "NAA": 9.5, "NAAG": 1.6, "Cr": 4.2, "PCr": 3.8, "GPC": 1.0, "PCh": 0.6, "Glu": 8.8,
    "Gln": 2.9, "GABA": 1.4, "GSH": 1.6, "Ins": 5.5, "sIns": 0.35, "Tau": 1.5, "Asp": 1.8,
    "Asc": 0.9, "Glc": 1.0, "Lac": 0.7, "PE": 1.2,
}  # fmt: skip
REPORTED = {
    "GABA+": ("GABA", "MM30co"), "Glx": ("Glu", "Gln"), "Glu": ("Glu",), "Gln": ("Gln",),
}  # fmt: skip
_SATURATED_PPM = (1.5, 2.3)
# Macromolecules at TE 68: chemical shift, FWHM (ppm), protons x mM.
_MACROMOLECULES = (
    (0.91, 0.13, 5.7), (1.21, 0.15, 4.2), (1.39, 0.17, 4.8), (1.67, 0.15, 4.5), (1.90, 0.12, 1.5),
    (2.05, 0.15, 6.6), (2.26, 0.16, 3.0), (2.56, 0.14, 0.9), (2.70, 0.12, 0.7), (2.99, 0.15, 3.0),
    (3.21, 0.14, 1.5), (3.62, 0.18, 1.2), (3.75, 0.16, 2.1), (3.86, 0.14, 1.2), (3.96, 0.10, 0.6),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Session:
    """One edited session with its truth.

    Attributes
    ----------
    total, difference : Fid
        Half the sum, and the difference.
    truth : mapping
        Concentrations, mM; `MM30co` is the co-edited part in equivalents of GABA.
    """

    total: Fid
    difference: Fid
    truth: Mapping[str, float]


def conditions(axis: Axis) -> tuple[BasisSet, BasisSet]:
    """Return the metabolites' responses in ON and in OFF."""
    on, off = (
        simulate_basis(
            protocol_for("megapress", axis, echo_time_s=0.068, edit_ppm=edit_ppm), tuple(MEAN_MM)
        )
        for edit_ppm in (1.9, 7.5)
    )
    return on, off


def basis_sets(axis: Axis) -> tuple[BasisSet, BasisSet]:
    """Return the basis sets of the half sum and of the difference."""
    on, off = conditions(axis)
    return edited_total(on, off), with_coedited(edited_difference(on, off))


def make_session(
    on: BasisSet,
    off: BasisSet,
    rng: np.random.Generator,
    snr: float,
    noise_rng: np.random.Generator | None = None,
    rises: Mapping[str, float] | None = None,
    narrowing_hz: float = 0.0,
    on_larger: float = 0.0,
    on_wider_hz: float = 0.0,
) -> Session:
    """Return a session; `snr` is the height of NAA in OFF over the noise of OFF.

    With `noise_rng`, the same `rng` gives the same head again, in which some substances
    may have risen by a share and all lines be narrower. ON may be larger by a share and wider.
    """
    axis, time_s = on.axis, on.axis.time_s
    truth = {name: MEAN_MM[name] * rng.normal(1.0, 0.15) for name in on.names}
    truth["MM30co"] = 1.3 * max(rng.normal(1.0, 0.2), 0.0)
    width_hz = rng.uniform(4.0, 8.0)
    lorentz_hz = rng.uniform(0.4, 0.7) * width_hz
    gauss = np.exp(-((np.pi * 0.6 * width_hz * time_s) ** 2) / (4 * np.log(2)))
    signals = [np.zeros(axis.n_points, dtype=np.complex128) for _ in range(2)]
    for name in on.names:
        rate = np.pi * lorentz_hz * np.exp(rng.normal(0.0, 0.12))
        shift_hz = rng.normal(0.0, 0.003) * axis.spectrometer_frequency_mhz
        truth[name] *= 1 + (rises or {}).get(name, 0.0)
        line = truth[name] * np.exp((2j * np.pi * shift_hz - rate) * time_s) * gauss
        for signal, basis in zip(signals, (on, off), strict=True):
            signal += basis.fid(name) * line
    broad = _macromolecules(axis, rng, truth["MM30co"] * _gaba_area(on, off))
    narrowing = np.exp(np.pi * narrowing_hz * time_s)
    signals = [
        (signal + part * gauss) * narrowing for signal, part in zip(signals, broad, strict=True)
    ]
    # The conditions never match perfectly.
    moved = 2j * np.pi * rng.normal(0.0, 0.1) * time_s + 1j * rng.normal(0.0, 0.01)
    signals[0] = (1 + on_larger) * signals[0] * np.exp(moved - np.pi * on_wider_hz * time_s)
    height = np.abs(np.fft.fft(signals[1])).max()
    noise = (noise_rng or rng).normal(size=(2, 2, axis.n_points))
    noise *= height / snr / np.sqrt(axis.n_points)
    common = np.exp(1j * rng.normal(0.0, 0.5) + 2j * np.pi * rng.normal(0.0, 2.0) * time_s)
    one, other = (
        signal * common + part[0] + 1j * part[1]
        for signal, part in zip(signals, noise, strict=True)
    )
    return Session(Fid((one + other) / 2, axis), Fid(one - other, axis), truth)


def _gaba_area(on: BasisSet, off: BasisSet) -> complex:
    """Return the area of GABA at 3.0 ppm in the difference, per mM."""
    damped = (on.fid("GABA") - off.fid("GABA")) * np.exp(-np.pi * 4.0 * on.axis.time_s)
    damped[0] /= 2  # else the spectrum stands on an offset
    spectrum = np.fft.fftshift(np.fft.fft(damped)) / on.axis.n_points
    # One proton has an area of a half, as its signal begins at t = 0.
    return 2 * complex(spectrum[np.abs(on.axis.ppm - 3.0) < 0.4].sum())


def _macromolecules(
    axis: Axis, rng: np.random.Generator, coedited: complex
) -> tuple[ComplexArray, ComplexArray]:
    """Return macromolecules in ON and in OFF; those near the editing pulse are saturated in ON."""
    on, off = (np.zeros(axis.n_points, dtype=np.complex128) for _ in range(2))
    scale = rng.normal(1.0, 0.15)
    for ppm, fwhm_ppm, amplitude in _MACROMOLECULES:
        width_hz = fwhm_ppm * np.exp(rng.normal(0, 0.1)) * axis.spectrometer_frequency_mhz
        decay = (np.pi * width_hz * axis.time_s) ** 2 / (4 * np.log(2))
        place_hz = axis.hz(ppm + rng.normal(0.0, 0.01))
        line = np.exp(2j * np.pi * place_hz * axis.time_s - decay)
        amount = amplitude * scale * rng.normal(1.0, 0.15)
        left = 0.1 if _SATURATED_PPM[0] < ppm < _SATURATED_PPM[1] else 1.0
        off -= amount * line
        on -= left * amount * line
        if abs(ppm - 2.99) < 0.01:
            on += coedited * line
    return on, off


def difference_model(difference: BasisSet, options: FitOptions) -> FitModel:
    """Return a model of the difference alone: of substances that have a signal in it."""
    seen = np.abs(difference.fids).max(axis=1) > 0.05
    return prepare(
        difference.chosen(np.flatnonzero(seen)),
        replace(options, ppm_range=(LOWEST_EDITED_PPM, options.ppm_range[1])),
    )


def amount(fit: FitResult, parts: tuple[str, ...]) -> tuple[float, float]:
    """Return a sum of amplitudes and its SD."""
    weights = np.array([float(name in parts) for name in fit.names])
    return float(weights @ fit.amplitudes), float(np.sqrt(weights @ fit.covariance @ weights))


def over_tcr(fit: FitResult, parts: tuple[str, ...]) -> tuple[float, float]:
    """Return the ratio of a sum to total creatine and its SD."""
    below = np.array([float(name in ("Cr", "PCr")) for name in fit.names])
    return ratio(fit, np.array([float(name in parts) for name in fit.names]), below)


def of_model_choice(session: Session, fit: EditedFit) -> dict[str, float]:
    """Return the SD of model choice of every quantity over total creatine."""
    pair = session.total, session.difference
    ensemble = fit_ensemble(fit, pair, [pair], np.random.default_rng(1))
    if ensemble is None:
        return dict.fromkeys(REPORTED, float("nan"))
    members = ensemble.members
    amplitudes = np.array([ensemble.amplitudes, *(one.amplitudes for one in members)])
    weights = np.array([one.weight for one in members])
    (spreads,) = model_spreads(ensemble.names, fit.difference.kinds, amplitudes, weights)
    return {name: spreads[name].ratio_tcr_sd_model for name in REPORTED}


def main() -> None:
    """Print a row a quantity and way of fitting."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--snr", type=float, default=100.0, help="NAA of OFF over its noise")
    parser.add_argument("--on-larger", type=float, default=0.0, help="a share of OFF")
    parser.add_argument("--on-wider-hz", type=float, default=0.0)
    arguments = parser.parse_args()
    axis = Axis(2048, 5e-4, 123.25, 4.65)
    on, off = conditions(axis)
    options = FitOptions(baseline_ed_per_ppm=1.5)
    total, difference = basis_sets(axis)
    model, alone = (
        prepare_edited(total, difference, options),
        difference_model(difference, options),
    )
    errors: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
    cpu, of_models, flags = [], [], []
    for seed in range(FIRST_REPORTED_SEED, FIRST_REPORTED_SEED + arguments.sessions):
        session = make_session(
            on,
            off,
            np.random.default_rng(seed),
            arguments.snr,
            on_larger=arguments.on_larger,
            on_wider_hz=arguments.on_wider_hz,
        )
        start = time.process_time()
        fit = fit_edited(session.total, session.difference, model)
        cpu.append(1000 * (time.process_time() - start))
        start = time.process_time()
        spreads = of_model_choice(session, fit)
        of_models.append(1000 * (time.process_time() - start))
        flags += [flag.code for flag in fit.flags]
        single = fit_prepared(session.difference, alone).result
        creatine = session.truth["Cr"] + session.truth["PCr"]
        for name, parts in REPORTED.items():
            true = sum(session.truth[part] for part in parts)
            ways = {
                "joint / tCr": (over_tcr(fit.difference, parts), true / creatine),
                "joint": (amount(fit.difference, parts), true),
                "half sum alone": (amount(fit.alone.result, parts), true),
                "difference alone": (amount(single, parts), true),
            }
            if name == "GABA+":
                # Its macromolecules are no part of what stands in the half sum.
                del ways["half sum alone"]
            for way, ((value, sd), expected) in ways.items():
                other = spreads[name] if way == "joint / tCr" else np.nan
                row = (value / expected - 1, sd / expected, other / expected)
                errors.setdefault((name, way), []).append(row)
    print("in %: bias | RMS error | mean SD | coverage of 95 % intervals | SD of model choice")
    for (name, way), rows in errors.items():
        error, sd, sd_model = np.array(rows).T
        covered = np.abs(error) < 1.96 * sd
        rms = np.sqrt((error**2).mean())
        print(
            f"{name}, {way} | {100 * error.mean():+.1f} | {100 * rms:.1f} | "
            f"{100 * sd.mean():.1f} | {100 * covered.mean():.0f} | {100 * sd_model.mean():.1f}"
        )
    print(
        f"joint fit {np.median(cpu):.0f} ms CPU, of other models {np.median(of_models):.0f}; "
        f"flags: {sorted(set(flags))}"
    )


if __name__ == "__main__":
    main()
