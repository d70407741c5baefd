from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from nifti_mrs.nifti_mrs import NIFTI_MRS
from nifti_mrs.validator import validate_nifti_mrs

from glxflow.errors import DataError, HeaderError, TableError
from glxflow.io.metadata import read_header
from glxflow.io.nifti_mrs import read_series
from glxflow.io.philips import read_spar
from glxflow.io.sidecars import sidecar_of
from glxflow.io.tables import read_json, write_json
from glxflow.io.vendor import convert
from glxflow.io.vendor_table import read_mapping

SPAR = {
    "examination_name": "DOE JANE",
    "scan_id": "PRESS 30",
    "patient_name": "DOE JANE",
    "patient_birth_date": "1970.01.01",
    "patient_position": '"head_first"',
    "patient_orientation": '"supine"',
    "samples": "1024",
    "rows": "1",
    "synthesizer_frequency": "123250000",
    "offset_frequency": "0",
    "sample_frequency": "2000",
    "nucleus": "1H",
    "echo_time": "30",
    "repetition_time": "2000",
    "averages": "64",
    "volume_selection_enable": '"yes"',
    "volumes": "1",
    "ap_size": "20",
    "lr_size": "20",
    "cc_size": "20",
    "ap_off_center": "0",
    "lr_off_center": "0",
    "cc_off_center": "0",
    "ap_angulation": "0",
    "lr_angulation": "0",
    "cc_angulation": "0",
    "spec_num_row": "1",
    "spectrum_echo_time": "30",
    "spectrum_inversion_time": "0",
    "equipment_sw_verions": "5.1.7 ; .1.7 ;",
}


@pytest.fixture
def write_sdat(tmp_path):
    """Return a writer of SDAT and SPAR files, with VAX floats made by hand."""

    def write(samples: np.ndarray, **changes: str | None) -> Path:
        values = np.stack([samples.real, samples.imag], axis=-1).astype("<f4").ravel()
        # A VAX F float is the IEEE one times 4, with its two 16-bit words swapped.
        words = (4 * values).view("<u2").reshape(-1, 2)[:, ::-1]
        path = tmp_path / "raw_act.sdat"
        path.write_bytes(words.astype("<u2").tobytes())
        lines = [
            f"{key} : {value}" for key, value in (SPAR | changes).items() if value is not None
        ]
        path.with_suffix(".spar").write_text("\r\n".join(lines) + "\r\n")
        return path

    return write


def run(source, target, extra, scratch, **known):
    return convert(source, target, known=known, extra=extra, scratch=scratch)


@pytest.fixture
def scratch(tmp_path):
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


@pytest.fixture
def target(tmp_path):
    return tmp_path / "bids" / "sub-01_ses-1_task-rest_svs.nii.gz"


def test_a_philips_scan_keeps_its_samples_frequency_and_timing(
    write_sdat, scratch, target, singlet
):
    source = write_sdat(100 * singlet(2.008))
    run(source, target, {"TaskName": "rest"}, scratch)
    series = read_series(target)
    # Single precision on both sides. An SDAT has the sign of the package, as real ones show.
    np.testing.assert_allclose(series.samples[0, 0], 100 * singlet(2.008), rtol=1e-5)
    assert series.axis.spectrometer_frequency_mhz == 123.25
    assert series.axis.bandwidth_hz == 2000
    assert (series.echo_time_s, series.repetition_time_s) == (0.03, 2.0)
    validate_nifti_mrs(NIFTI_MRS(target))
    sidecar = read_json(target.with_name("sub-01_ses-1_task-rest_svs.json"))
    assert sidecar["TaskName"] == "rest"
    assert sidecar["NumberOfTransients"] == 64


def test_rows_that_are_averages_begin_when_they_were_acquired(
    write_sdat, scratch, target, singlet
):
    source = write_sdat(np.stack([singlet(2.0)] * 5), rows="5", averages="8")
    conversion = run(source, target, {}, scratch)
    np.testing.assert_allclose(read_series(target).onset_s, [0, 16, 32, 48, 64])
    assert read_header(target).fields["NumberOfTransients"] == 40
    assert any("5 rows of 8 averages each" in note for note in conversion.notes)


def test_rows_of_single_transients_are_one_repetition_apart(write_sdat, scratch, target, singlet):
    source = write_sdat(np.stack([singlet(2.0)] * 5), rows="5", averages="1")
    run(source, target, {}, scratch)
    np.testing.assert_allclose(read_series(target).onset_s, [0, 2, 4, 6, 8])
    assert read_header(target).fields["NumberOfTransients"] == 5


def test_nothing_personal_goes_through(write_sdat, scratch, target, singlet):
    conversion = run(write_sdat(singlet(2.0)), target, {}, scratch)
    extension = nib.load(target).header.extensions[0].text
    sidecar = target.with_name("sub-01_ses-1_task-rest_svs.json").read_text()
    for text in (extension, sidecar):
        assert "DOE" not in text
        assert "1970" not in text
    assert any("PatientName" in note and "dropped" in note for note in conversion.notes)
    assert read_header(target).private == ()


def test_an_old_spar_without_inversion_time_converts(write_sdat, scratch, target, singlet):
    source = write_sdat(singlet(2.0), spectrum_inversion_time=None)
    conversion = run(source, target, {}, scratch)
    assert target.exists()
    assert any("spectrum_inversion_time is missing" in note for note in conversion.notes)
    assert "spectrum_inversion_time" not in read_spar(source.with_suffix(".spar"))  # untouched


def test_the_inversion_time_arrives_in_seconds(write_sdat, scratch, target, singlet):
    run(write_sdat(singlet(2.0), spectrum_inversion_time="600"), target, {}, scratch)
    assert read_header(target).fields["InversionTime"] == 0.6


def test_a_semi_laser_is_asked_about_its_echo_time(write_sdat, scratch, target, singlet):
    conversion = run(write_sdat(singlet(2.0), scan_id="sLASER 30"), target, {}, scratch)
    assert any("total echo time" in note for note in conversion.notes)


def test_an_echo_time_in_the_wrong_unit_is_an_error_and_writes_nothing(
    write_sdat, scratch, target, singlet
):
    source = write_sdat(singlet(2.0), echo_time="30000")
    with pytest.raises(HeaderError, match=r"raw_act.sdat as spec2nii converts it.*milliseconds"):
        run(source, target, {}, scratch)
    assert not target.exists()


def test_a_missing_spar_is_an_error(write_sdat, scratch, target, singlet):
    source = write_sdat(singlet(2.0))
    source.with_suffix(".spar").unlink()
    with pytest.raises(DataError, match=r"no raw_act.spar beside it"):
        run(source, target, {}, scratch)


def test_a_truncated_file_is_an_error_with_the_message_of_spec2nii(
    write_sdat, scratch, target, singlet
):
    source = write_sdat(singlet(2.0))
    source.write_bytes(source.read_bytes()[:1000])
    with pytest.raises(DataError, match="spec2nii philips ended with code 1"):
        run(source, target, {}, scratch)


def test_samples_at_the_limit_of_an_integer_are_an_overflow(write_sdat, scratch, target, singlet):
    samples = 1e4 * singlet(2.0)
    samples[:4] = 32767 - 32768j
    with pytest.raises(DataError, match="8 samples lie at the limit of an integer"):
        run(write_sdat(samples), target, {}, scratch)


def test_values_beyond_a_limit_were_not_stored_with_it(write_sdat, scratch, target, singlet):
    samples = 1e6 * singlet(2.0)
    samples[:4] = 32767 - 32768j
    run(write_sdat(samples), target, {}, scratch)
    assert target.exists()


def test_water_inside_a_metabolite_scan_is_reported(write_scan, scratch, target, singlet):
    transients = np.stack([singlet(4.65) * 500, *[singlet(2.0)] * 15])
    conversion = run(write_scan(transients, ("DIM_DYN",)), target, {}, scratch)
    assert any("1 of 16 transients are far stronger" in note for note in conversion.notes)


def test_a_coil_that_is_stronger_than_the_others_is_no_water(write_scan, scratch, target, singlet):
    coils = np.array([30.0, *[1.0] * 7])[:, np.newaxis, np.newaxis]
    source = write_scan(coils * np.stack([singlet(2.0)] * 4), ("DIM_COIL", "DIM_DYN"))
    assert run(source, target, {}, scratch).notes == ()


def test_the_sidecar_of_a_nifti_file_goes_with_it(write_scan, scratch, target, singlet):
    source = write_scan(np.stack([singlet(2.0)] * 4), ("DIM_DYN",))
    said = {"VolumeTiming": [0.0, 10.0, 20.0, 30.0], "TissueFractions": {"GM": 0.6, "WM": 0.4}}
    write_json(sidecar_of(source), {**said, "PatientName": "DOE", "TaskName": "other"})
    conversion = run(source, target, {"TaskName": "rest"}, scratch)
    header = read_header(target)
    assert {name: header.fields[name] for name in said} == said
    assert header.fields["TaskName"] == "rest"
    assert "DOE" not in sidecar_of(target).read_text()
    assert "personal fields dropped: PatientName" in conversion.notes


def test_a_sidecar_that_contradicts_its_nifti_file_is_an_error(
    write_scan, scratch, target, singlet
):
    source = write_scan(singlet(2.0))
    write_json(sidecar_of(source), {"EchoTime": 0.1})
    with pytest.raises(HeaderError, match=r"in the header but 0.1 in the sidecar"):
        run(source, target, {}, scratch)
    assert not target.exists()


def test_a_table_that_contradicts_the_sidecar_is_an_error(write_scan, scratch, target, singlet):
    source = write_scan(singlet(2.0))
    write_json(sidecar_of(source), {"RepetitionTime": 2.0})
    with pytest.raises(HeaderError, match=r"RepetitionTime is .* but 3.0 in the mapping"):
        run(source, target, {}, scratch, RepetitionTime=3.0)


def test_an_unknown_kind_of_file_names_the_known_ones(tmp_path, scratch, target):
    source = tmp_path / "scan.xyz"
    source.write_text("")
    with pytest.raises(DataError, match=r"'.xyz', expected .sdat, .data, .dat"):
        run(source, target, {}, scratch)


def test_missing_units_of_a_file_are_set(write_scan, scratch, target, singlet):
    source = write_scan(singlet(2.0))
    image = nib.load(source)
    image.header.set_xyzt_units(0, 0)
    nib.save(image, source)
    run(source, target, {}, scratch)
    assert nib.load(target).header.get_xyzt_units() == ("mm", "sec")


@pytest.mark.real_data
@pytest.mark.parametrize(("raw", "converted"), [("act", "svs"), ("ref", "mrsref")])
def test_real_philips_files_give_the_same_samples_as_the_nifti_beside_them(
    real_data, scratch, target, raw, converted
):
    folder = real_data / "invivo_press"
    run(folder / f"te35_{raw}.sdat", target, {}, scratch)
    mine, theirs = read_series(target), read_series(folder / f"te35_{converted}.nii.gz")
    np.testing.assert_array_equal(mine.samples, theirs.samples)
    assert mine.axis == theirs.axis
    assert mine.echo_time_s == theirs.echo_time_s


def test_a_mapping_table_becomes_scans(tmp_path):
    (tmp_path / "a.sdat").touch()
    (tmp_path / "b.sdat").touch()
    (tmp_path / "map.tsv").write_text(
        "participant\tsession\tfile\trole\ttask\n"
        "01\t1\ta.sdat\tsvs\tketamine\n"
        "sub-01\tses-1\tb.sdat\twater\t\n"
    )
    scans = read_mapping(tmp_path / "map.tsv")
    assert [str(scan.target) for scan in scans] == [
        "sub-01/ses-1/mrs/sub-01_ses-1_task-ketamine_svs.nii.gz",
        "sub-01/ses-1/mrs/sub-01_ses-1_mrsref.nii.gz",
    ]


def test_every_problem_of_a_mapping_table_is_listed(tmp_path):
    (tmp_path / "map.tsv").write_text(
        "participant\tsession\tfile\trole\ttask\n../../x\t1\tnone.sdat\tmetab\trest\n"
    )
    with pytest.raises(TableError) as caught:
        read_mapping(tmp_path / "map.tsv")
    for part in ("line 2: participant is '../../x'", "role is 'metab'", "'none.sdat' does not"):
        assert part in str(caught.value)


def test_two_rows_with_one_target_are_an_error(tmp_path):
    (tmp_path / "a.sdat").touch()
    row = "01\t1\ta.sdat\tsvs\trest\n"
    (tmp_path / "map.tsv").write_text("participant\tsession\tfile\trole\ttask\n" + row + row)
    with pytest.raises(TableError, match="several rows become sub-01"):
        read_mapping(tmp_path / "map.tsv")


@pytest.fixture
def write_raw(tmp_path):
    """Return a writer of LCModel RAW files, which say nothing of timing or frequency."""

    def write(samples):
        lines = [f"{value.real:15.6e}{value.imag:15.6e}" for value in samples]
        path = tmp_path / "scan.raw"
        head = " $NMID\n ID='scan', FMTDAT='(2E15.6)'\n VOLUME=1.0\n TRAMP=1.0\n $END\n"
        path.write_text(head + "\n".join(lines) + "\n")
        return path

    return write


def test_what_an_lcmodel_file_does_not_say_comes_from_the_table(
    write_raw, scratch, target, singlet
):
    # LCModel's time signals are the conjugate of the package's, as its manual has it.
    source = write_raw(singlet(2.008).conj())
    known = {
        "EchoTime": 0.03,
        "RepetitionTime": 2.0,
        "SpectrometerFrequency": 123.25,
        "SpectralWidth": 2000.0,
    }
    run(source, target, {}, scratch, **known)
    series = read_series(target)
    np.testing.assert_allclose(series.samples[0, 0], singlet(2.008), atol=1e-5)  # seven digits
    assert (series.echo_time_s, series.repetition_time_s) == (0.03, 2.0)
    assert series.axis.spectrometer_frequency_mhz == 123.25


def test_a_table_that_contradicts_the_file_is_an_error(write_sdat, scratch, target, singlet):
    with pytest.raises(HeaderError, match=r"EchoTime is 0.03 in the raw file but 0.035 in the"):
        run(write_sdat(singlet(2.0)), target, {}, scratch, EchoTime=0.035)


def test_a_known_field_that_is_no_number_is_an_error(tmp_path):
    (tmp_path / "a.raw").touch()
    (tmp_path / "map.tsv").write_text(
        "participant\tsession\tfile\trole\ttask\tEchoTime\n01\t1\ta.raw\tsvs\t\t30 ms\n"
    )
    with pytest.raises(TableError, match="EchoTime is '30 ms', expected a positive number"):
        read_mapping(tmp_path / "map.tsv")


def test_an_empty_parameter_does_not_swallow_the_next(tmp_path):
    spar = tmp_path / "a.spar"
    spar.write_text("! comment : no\r\npatient_name : \r\n\r\necho_time : 30\r\nnucleus :1H\r\n")
    assert read_spar(spar) == {"patient_name": "", "echo_time": "30", "nucleus": "1H"}
