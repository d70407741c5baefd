import json

import numpy as np
import pytest
from nifti_mrs.nifti_mrs import NIFTI_MRS
from nifti_mrs.validator import validate_nifti_mrs

from glxflow.errors import DataError, HeaderError
from glxflow.io.metadata import read_header
from glxflow.io.nifti_mrs import read_series, write_curves, write_series
from glxflow.spectrum import spectrum_of

COILS, TRANSIENTS = 3, 5


@pytest.fixture
def distinct(singlet):
    """Transients and coils that can be told apart: NAA scaled by 1, 2, 3, ..."""
    scale = np.arange(1, COILS * TRANSIENTS + 1).reshape(COILS, TRANSIENTS, 1)
    return scale * singlet(2.008)


@pytest.mark.parametrize("order", ["coils first", "transients first"])
def test_dimensions_are_ordered_by_tag(write_scan, distinct, order):
    if order == "coils first":
        path = write_scan(distinct, ("DIM_COIL", "DIM_DYN"))
    else:
        path = write_scan(distinct.swapaxes(0, 1), ("DIM_DYN", "DIM_COIL"))

    series = read_series(path)

    assert series.samples.shape == (COILS, TRANSIENTS, 1024)
    np.testing.assert_allclose(series.samples, distinct, rtol=1e-6)  # complex64 on disk


@pytest.mark.parametrize("tag", ["DIM_COIL", "DIM_DYN"])
def test_one_dimension_may_be_missing(write_scan, distinct, tag):
    series = read_series(write_scan(distinct[0], (tag,)))
    expected = (TRANSIENTS, 1) if tag == "DIM_COIL" else (1, TRANSIENTS)
    assert series.samples.shape[:2] == expected


def test_naa_is_at_its_chemical_shift_and_the_file_holds_the_conjugate(write_scan, singlet):
    path = write_scan(singlet(2.008))
    series = read_series(path)
    peak = np.abs(spectrum_of(series.samples[0, 0])).argmax()
    # One bin of 1024 at 2 kHz and 123.25 MHz is 0.016 ppm.
    assert series.axis.ppm[peak] == pytest.approx(2.008, abs=0.016)
    stored = NIFTI_MRS(path).image[:].ravel()
    np.testing.assert_allclose(stored, singlet(2.008).conj(), rtol=1e-5)


def test_what_is_written_is_read_back_and_valid(write_scan, distinct, tmp_path):
    path = write_scan(distinct, ("DIM_COIL", "DIM_DYN"))
    series = read_series(path)

    write_series(tmp_path / "copy.nii.gz", series, read_header(path).affine)

    copy = read_series(tmp_path / "copy.nii.gz")
    validate_nifti_mrs(NIFTI_MRS(tmp_path / "copy.nii.gz"))
    np.testing.assert_array_equal(copy.samples, series.samples)
    assert copy.axis == series.axis
    assert copy.echo_time_s == series.echo_time_s


def test_curves_keep_their_names(axis, singlet, tmp_path):
    curves = np.stack([[singlet(2.0)], [singlet(3.0)]])
    write_curves(tmp_path / "curves.nii.gz", curves, ["NAA", "Cr"], axis, np.eye(4))
    image = NIFTI_MRS(tmp_path / "curves.nii.gz")
    validate_nifti_mrs(image)
    assert image.hdr_ext["dim_5_header"]["Curve"]["Value"] == ["NAA", "Cr"]
    np.testing.assert_allclose(image[0, 0, 0, :, 1, 0], singlet(3.0), rtol=1e-5)


def test_onsets_come_from_repetition_time_or_volume_timing(write_scan, distinct):
    path = write_scan(distinct[0], ("DIM_DYN",))
    np.testing.assert_array_equal(read_series(path).onset_s, [0, 2, 4, 6, 8])
    timed = write_scan(distinct[0], ("DIM_DYN",), sidecar={"VolumeTiming": [0, 3, 6, 30, 33]})
    np.testing.assert_array_equal(read_series(timed).onset_s, [0, 3, 6, 30, 33])


def test_a_wrong_number_of_onsets_is_refused(write_scan, distinct):
    path = write_scan(distinct[0], ("DIM_DYN",), sidecar={"VolumeTiming": [0, 3]})
    with pytest.raises(DataError, match="2 onsets for 5 transients"):
        read_series(path)


def test_onsets_that_cannot_be_are_refused(write_scan, distinct):
    timing = {"VolumeTiming": [0, 3, None, 9, 12]}
    path = write_scan(distinct[0], ("DIM_DYN",), sidecar=timing)
    with pytest.raises(HeaderError, match=r"VolumeTiming\[2\] is None"):
        read_header(path)


def test_a_transient_with_nan_is_left_out_and_named(write_scan, distinct):
    distinct[1, 2, 100] = np.nan
    series = read_series(write_scan(distinct, ("DIM_COIL", "DIM_DYN")))
    assert series.n_transients == TRANSIENTS - 1
    np.testing.assert_array_equal(series.onset_s, [0, 2, 6, 8])
    assert "1 of 5 transients" in series.steps[0].details
    assert "counted from 0: 2" in series.steps[0].details
    (flag,) = series.flags
    assert (flag.code, flag.message) == ("unreadable_transients", series.steps[0].details)


def test_zeros_that_a_signal_was_filled_up_with_are_left_out(write_scan, distinct):
    filled = np.pad(distinct, [(0, 0), (0, 0), (0, distinct.shape[2])])
    series = read_series(write_scan(filled, ("DIM_COIL", "DIM_DYN")))
    plain = read_series(write_scan(distinct, ("DIM_COIL", "DIM_DYN")))
    assert series.axis == plain.axis
    np.testing.assert_array_equal(series.samples, plain.samples)
    assert "points hold only zeros and are left out" in series.steps[0].details
    assert not series.flags


def test_zero_filling_is_seen_beside_a_transient_that_cannot_be_read(write_scan, distinct):
    filled = np.pad(distinct, [(0, 0), (0, 0), (0, distinct.shape[2])])
    filled[:, 2] = np.nan
    series = read_series(write_scan(filled, ("DIM_COIL", "DIM_DYN")))
    plain = read_series(write_scan(distinct, ("DIM_COIL", "DIM_DYN")))
    np.testing.assert_array_equal(series.samples, plain.samples[:, [0, 1, 3, 4]])


def test_one_silent_transient_shortens_no_other(write_scan, distinct):
    distinct[:, 1] = 0
    series = read_series(write_scan(distinct, ("DIM_COIL", "DIM_DYN")))
    assert series.samples.shape == distinct.shape


def test_a_file_without_a_finite_transient_is_refused(write_scan, distinct):
    with pytest.raises(DataError, match="every one of 5 transients"):
        read_series(write_scan(distinct * np.nan, ("DIM_COIL", "DIM_DYN")))


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.95])
def test_a_truncated_file_is_refused_by_name(write_scan, distinct, share):
    path = write_scan(distinct, ("DIM_COIL", "DIM_DYN"))
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match=path.name):
        read_series(path)


def test_a_missing_file_is_refused_by_name(tmp_path):
    with pytest.raises(DataError, match=r"nothing\.nii\.gz: no such file"):
        read_series(tmp_path / "nothing.nii.gz")


def test_a_dimension_that_is_not_understood_is_refused(write_scan, distinct):
    with pytest.raises(DataError, match="DIM_METCYCLE"):
        read_series(write_scan(distinct[0], ("DIM_METCYCLE",)))


def test_dimensions_without_a_tag_are_named_with_their_sizes(write_scan, distinct):
    # Coils taken for transients would be averaged away: never guessed from the sizes.
    path = write_scan(distinct, (), header={"dim_6": "DIM_DYN"})
    with pytest.raises(HeaderError, match="dimension 5 of size 3 has no tag"):
        read_series(path)


def test_a_header_that_breaks_the_standard_is_refused_by_name(write_scan, distinct):
    names = {"dim_5_header": {"EditCondition": ["OFF"] * (TRANSIENTS + 1)}}
    path = write_scan(distinct[0], ("DIM_DYN",), header=names)
    with pytest.raises(HeaderError, match=r"does not match the dimension size \(5\)"):
        read_series(path)


def test_every_problem_of_a_header_is_named_at_once(write_scan, distinct):
    path = write_scan(
        distinct[0],
        ("DIM_DYN",),
        header={"EchoTime": 30.0, "RepetitionTime": 2000.0},
        sidecar={"SpectrometerFrequency": [127.7], "ResonantNucleus": ["31P"]},
    )
    with pytest.raises(HeaderError) as raised:
        read_header(path)
    message = str(raised.value)
    assert "EchoTime is 30 s, more than 1 s: it was probably given in milliseconds" in message
    assert "write 0.03" in message
    assert "RepetitionTime is 2000 s, more than 60 s" in message
    assert "SpectrometerFrequency is 123.25 in the header but 127.7 in the sidecar" in message
    assert "ResonantNucleus is '1H' in the header but '31P' in the sidecar" in message


@pytest.mark.parametrize("seconds", [1.0, 60.0])
def test_the_longest_times_are_accepted(write_scan, distinct, seconds):
    field = "EchoTime" if seconds == 1.0 else "RepetitionTime"
    read_header(write_scan(distinct[0], ("DIM_DYN",), header={field: seconds}))


def test_a_frequency_in_hz_gets_the_unit_hint(write_scan, distinct):
    path = write_scan(distinct[0], ("DIM_DYN",), header={"SpectrometerFrequency": [123250000.0]})
    with pytest.raises(HeaderError, match=r"probably given in Hz; write 123\.25"):
        read_header(path)


def test_a_missing_echo_time_is_an_error_and_the_sidecar_can_give_it(write_scan, distinct):
    path = write_scan(distinct[0], ("DIM_DYN",), header={"EchoTime": None})
    with pytest.raises(HeaderError, match=r"no number for 'EchoTime' \(s\)"):
        read_header(path)
    path.with_name(path.name.replace(".nii.gz", ".json")).write_text('{"EchoTime": 0.035}')
    assert read_header(path).echo_time_s == 0.035


def test_a_dwell_time_that_contradicts_the_spectral_width_is_refused(write_scan, distinct):
    path = write_scan(distinct[0], ("DIM_DYN",), header={"SpectralWidth": 4000.0})
    with pytest.raises(HeaderError, match="2000 Hz of spectral width, SpectralWidth 4000 Hz"):
        read_header(path)


def test_private_fields_are_named_but_not_passed_on(write_scan, distinct, tmp_path):
    path = write_scan(distinct[0], ("DIM_DYN",), header={"PatientName": "Doe^Jane"})
    header = read_header(path)
    assert header.private == ("PatientName",)
    write_series(tmp_path / "copy.nii.gz", read_series(path), header.affine)
    assert "Jane" not in json.dumps(read_header(tmp_path / "copy.nii.gz").fields)
    assert "Jane" not in json.dumps(dict(header.fields))


@pytest.mark.real_data
def test_real_scans_have_naa_where_it_belongs(real_data):
    for name in ("te30_svs.nii.gz", "te35_svs.nii.gz"):
        series = read_series(real_data / "invivo_press" / name)
        ppm = series.axis.ppm
        window = (ppm > 1.8) & (ppm < 2.3)
        peak = np.abs(spectrum_of(series.samples[0, 0]))[window].argmax()
        # The scanner's own centre frequency is off by some hundredths of a ppm.
        assert ppm[window][peak] == pytest.approx(2.008, abs=0.03)
