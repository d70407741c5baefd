"""Resampling against closed forms."""

from dataclasses import replace

import numpy as np
import pytest

from glxflow.basis.resample import resample
from glxflow.errors import BasisError
from glxflow.spectrum import Axis, BasisSet, Kind

SHIFTS_PPM = (0.9, 2.008, 3.027, 4.2)


def lines(axis, width_hz=2.0):
    """Return damped lines in closed form on any axis."""
    offsets_hz = np.array([axis.hz(ppm) for ppm in SHIFTS_PPM])[:, np.newaxis]
    fids = np.exp((2j * np.pi * offsets_hz - np.pi * width_hz) * axis.time_s)
    names = tuple(f"line{ppm}" for ppm in SHIFTS_PPM)
    return BasisSet(names, (Kind.METABOLITE,) * 4, fids, axis, 0.03, width_hz, "closed form")


SOURCE = Axis(8192, 2.5e-4, 127.731, 4.65)


@pytest.mark.parametrize(
    ("target", "tolerance"),
    [
        (Axis(2048, 5e-4, 127.731, 4.65), 1e-12),  # every second point
        (Axis(2048, 4e-4, 127.731, 4.65), 1e-4),  # between the points
        (Axis(1024, 1e-4, 127.731, 4.65), 3e-4),  # the spline's end at t = 0
        (Axis(2048, 5e-4, 127.731, 3.0), 1e-12),  # another reference only turns
    ],
)
def test_lines_are_what_they_would_be_on_the_target(target, tolerance):
    resampled = resample(replace(lines(SOURCE), gaussian_linewidth_hz=1.5), target)
    assert (resampled.linewidth_hz, resampled.gaussian_linewidth_hz) == (2.0, 1.5)
    assert resampled.axis == target
    assert resampled.fids == pytest.approx(lines(target).fids, abs=tolerance)
    assert resampled.notes[-1].startswith("resampled from 8192 points at 4000 Hz")


@pytest.mark.parametrize(
    ("share", "late", "early", "first"), [(1 / 6, 1e-6, 1e-3, 7e-3), (1 / 4, 4e-5, 0.05, 0.3)]
)
@pytest.mark.parametrize("bandwidth_hz", [2004, 2500, 5000])
def test_interpolation_is_as_exact_as_it_says(share, late, early, first, bandwidth_hz):
    source, target = Axis(2048, 5e-4, 123.25, 4.65), Axis(1024, 1 / bandwidth_hz, 123.25, 4.65)

    def line(axis):
        return np.exp((2j * np.pi * share * 2000 - np.pi) * axis.time_s)

    basis = BasisSet(
        ("Glu",), (Kind.METABOLITE,), line(source)[np.newaxis], source, 0.03, 1.0, "closed form"
    )
    error = np.abs(resample(basis, target).fids[0] - line(target))
    steps = target.time_s / source.dwell_time_s
    assert error[steps >= 20].max() < late
    assert error[steps >= 1].max() < early
    assert error.max() < first


def test_a_slightly_other_field_keeps_the_chemical_shifts():
    target = replace(SOURCE, spectrometer_frequency_mhz=127.755, n_points=4096)
    resampled = resample(lines(SOURCE), target)
    # Shifts keep their ppm; widths scale by 0.02 %, 1e-3 of the signal at half its life.
    assert resampled.fids == pytest.approx(lines(target).fids, abs=2e-3)


def test_the_same_axis_changes_nothing():
    basis = lines(SOURCE)
    assert resample(basis, SOURCE) is basis


def test_another_field_strength_is_refused():
    with pytest.raises(BasisError, match=r"for 127.731 MHz, the data are at 297.200 MHz"):
        resample(lines(SOURCE), replace(SOURCE, spectrometer_frequency_mhz=297.2))


def test_a_basis_narrower_than_the_fitted_range_is_refused():
    narrow = lines(Axis(1024, 2e-3, 127.731, 4.65))
    with pytest.raises(BasisError, match=r"covers 2.7 to 6.6 ppm, expected 0 to 5 ppm"):
        resample(narrow, Axis(1024, 5e-4, 127.731, 4.65))


def test_a_basis_that_ends_before_it_has_decayed_is_refused():
    short = lines(Axis(512, 5e-4, 127.731, 4.65), width_hz=0.0)
    with pytest.raises(BasisError, match=r"lasts 0.256 s, the data 1.024 s.*100 % left"):
        resample(short, Axis(2048, 5e-4, 127.731, 4.65))


def test_a_basis_as_long_as_fits_read_is_padded_though_it_has_not_decayed():
    kept = lines(Axis(1640, 5e-4, 127.731, 4.65), width_hz=1.5)
    padded = resample(kept, Axis(2048, 5e-4, 127.731, 4.65))
    assert padded.fids[:, :1640] == pytest.approx(kept.fids)
    assert not padded.fids[:, 1640:].any()


def test_a_decayed_basis_is_padded_with_zeros():
    short = lines(Axis(1024, 5e-4, 127.731, 4.65), width_hz=8.0)
    long = resample(short, Axis(2048, 5e-4, 127.731, 4.65))
    assert not long.fids[:, 1024:].any()
