import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glxflow.spectrum import Axis, Fid, Flag, Series

AXIS = Axis(
    n_points=2048, dwell_time_s=5e-4, spectrometer_frequency_mhz=123.25, reference_ppm=4.65
)


@given(ppm=st.floats(0.5, 8.0))
def test_a_singlet_peaks_at_its_chemical_shift(ppm):
    time_s = np.arange(2048) * 5e-4
    offset_hz = (ppm - 4.65) * 123.25
    fid = Fid(np.exp((2j * np.pi * offset_hz - np.pi * 5.0) * time_s), AXIS)

    peak_ppm = AXIS.ppm[np.abs(fid.spectrum).argmax()]

    assert peak_ppm == pytest.approx(ppm, abs=AXIS.ppm[1] - AXIS.ppm[0])  # one bin


def test_the_frequency_axis_is_that_of_the_transform():
    n_points = 64
    axis = Axis(n_points, 1e-3, 100.0, 4.65)
    for bin_index in (0, 10, 32, 63):
        line = np.exp(2j * np.pi * axis.frequency_hz[bin_index] * axis.time_s)
        spectrum = Fid(line, axis).spectrum
        # A line on a bin puts all its n_points into that bin, up to rounding.
        assert spectrum[bin_index] == pytest.approx(n_points, rel=1e-12)


def test_hz_and_ppm_are_inverse():
    assert AXIS.hz(2.008) / 123.25 + 4.65 == pytest.approx(2.008, rel=1e-14)


@pytest.mark.parametrize("name", ["n_points", "dwell_time_s", "spectrometer_frequency_mhz"])
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_an_axis_refuses_what_cannot_be(name, value):
    fields = {"n_points": 8, "dwell_time_s": 1e-3, "spectrometer_frequency_mhz": 100.0}
    with pytest.raises(ValueError, match=name):
        Axis(**(fields | {name: value}), reference_ppm=4.65)


def test_samples_are_copied_and_read_only():
    samples = np.ones(2048, dtype=complex)
    fid = Fid(samples, AXIS)
    samples[0] = 5
    assert fid.samples[0] == 1
    with pytest.raises(ValueError, match="read-only"):
        fid.samples[0] = 5


def test_nan_is_named_with_its_place():
    samples = np.ones(2048, dtype=complex)
    samples[[7, 9]] = np.nan
    with pytest.raises(ValueError, match=r"2 of 2048 samples are not finite, first at 7"):
        Fid(samples, AXIS)


def test_a_series_of_several_coils_has_no_single_fid():
    series = Series(np.ones((2, 3, 2048)), AXIS, np.arange(3), 0.03, 2.0)
    with pytest.raises(ValueError, match="2 coils"):
        series.fid(0)


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ("only 1.8 to 4.2 ppm", "Only 1.8 to 4.2 ppm"),
        ("tCr of 41 mmol/kg", "tCr of 41 mmol/kg"),
        ("delay_us ended", "delay_us ended"),
        ("NAA explains", "NAA explains"),
        ("", ""),
    ],
)
def test_a_doubt_among_others_begins_with_a_capital_unless_by_a_name(message, sentence):
    assert Flag("CODE", message).sentence == sentence
