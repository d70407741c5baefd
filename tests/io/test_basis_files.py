"""Basis sets through every format and back, and how they are checked on reading."""

from dataclasses import replace

import numpy as np
import pytest
from nifti_mrs.nifti_mrs import NIFTI_MRS
from nifti_mrs.validator import validate_nifti_mrs

from glxflow.errors import BasisError
from glxflow.io.basis_files import FORMATS, format_of, load_basis, read_basis, write_basis
from glxflow.spectrum import SCALE_UNKNOWN, Axis, Kind

_NAMES = {
    "lcmodel": "b.BASIS",
    "raw": "raw",
    "fsl": "fsl",
    "jmrui": "jmrui",
    "nifti": "b.nii.gz",
    "osprey": "b.mat",
}
# What each format keeps of a number: digits printed, or single precision.
_PRECISION = {"lcmodel": 1e-8, "raw": 1e-8, "jmrui": 1e-8, "nifti": 1e-6, "fsl": 1e-12}


@pytest.mark.parametrize("fmt", FORMATS)
def test_every_format_gives_back_what_was_written(fmt, closed_form_basis, tmp_path):
    path = tmp_path / _NAMES[fmt]
    write_basis(path, closed_form_basis, fmt)
    axis = closed_form_basis.axis
    basis = load_basis(path, axis if fmt == "raw" else None)
    assert set(basis.names) == set(closed_form_basis.names)
    for name in basis.names:
        expected = closed_form_basis.fid(name)
        # Ten protons at most, so this is relative to the largest value.
        assert basis.fid(name) == pytest.approx(expected, abs=10 * _PRECISION.get(fmt, 1e-12))
    assert basis.axis.n_points == axis.n_points
    assert basis.axis.dwell_time_s == pytest.approx(axis.dwell_time_s, rel=1e-9)  # digits printed
    assert basis.axis.spectrometer_frequency_mhz == pytest.approx(127.7, rel=1e-8)
    assert basis.kinds[basis.names.index("MM09")] is Kind.MACROMOLECULE
    if fmt in ("lcmodel", "fsl", "nifti", "osprey"):
        assert basis.echo_time_s == pytest.approx(0.03)
        assert basis.linewidth_hz == pytest.approx(1.5, rel=1e-3)  # LCModel prints 6 decimals


@pytest.mark.parametrize("fmt", ["fsl", "raw", "jmrui"])
def test_a_set_is_not_mixed_with_files_that_a_folder_has(fmt, closed_form_basis, tmp_path):
    folder = tmp_path / "set"
    write_basis(folder, closed_form_basis, fmt)
    write_basis(folder, closed_form_basis, fmt)  # over itself
    (folder / "notes.txt").write_text("TE 30 ms")
    with pytest.raises(BasisError, match=r"set: holds 3 files of another basis set \(Glu\."):
        write_basis(folder, closed_form_basis.chosen([0, 1]), fmt)
    with pytest.raises(BasisError, match="holds 5 files of another"):
        write_basis(folder, closed_form_basis, {"fsl": "raw"}.get(fmt, "fsl"))


def test_a_tour_of_the_formats_changes_nothing(closed_form_basis, tmp_path):
    first = tmp_path / "first.basis"
    write_basis(first, closed_form_basis, "lcmodel")
    write_basis(tmp_path / "a.nii.gz", load_basis(first), "nifti")
    write_basis(tmp_path / "fsl", load_basis(tmp_path / "a.nii.gz"), "fsl")
    write_basis(tmp_path / "last.basis", load_basis(tmp_path / "fsl"), "lcmodel")
    one, other = load_basis(first), load_basis(tmp_path / "last.basis")
    for name in one.names:
        assert other.fid(name) == pytest.approx(one.fid(name), abs=1e-6)  # single precision


@pytest.mark.parametrize("fmt", ["lcmodel", "fsl", "jmrui"])
def test_formats_with_a_fixed_reference_are_written_about_it(fmt, closed_form_basis, tmp_path):
    turn = np.exp(2j * np.pi * (4.65 - 3.0) * 127.7 * closed_form_basis.axis.time_s)
    moved = replace(
        closed_form_basis,
        fids=closed_form_basis.fids * turn,
        axis=replace(closed_form_basis.axis, reference_ppm=3.0),
    )
    path = tmp_path / _NAMES[fmt]
    write_basis(path, moved, fmt)
    assert load_basis(path).fid("Glu") == pytest.approx(closed_form_basis.fid("Glu"), abs=1e-7)


def test_files_hold_the_conjugate_and_osprey_does_not(closed_form_basis, tmp_path):
    write_basis(tmp_path / "fsl", closed_form_basis, "fsl")
    text = (tmp_path / "fsl" / "NAA.json").read_text()
    # NAA lies below the reference: exp(-2j pi f t) with negative f turns upwards on disk.
    assert closed_form_basis.fid("NAA")[1].imag < 0
    imaginary = text.split('"basis_im"')[1].split("[")[1].split(",")
    assert float(imaginary[1]) > 0


def test_a_conjugated_set_is_turned_and_it_says_so(closed_form_basis, tmp_path):
    write_basis(
        tmp_path / "b.nii.gz",
        replace(closed_form_basis, fids=closed_form_basis.fids.conj()),
        "nifti",
    )
    basis = read_basis(tmp_path / "b.nii.gz")
    assert basis.fid("Glu") == pytest.approx(closed_form_basis.fid("Glu"), abs=1e-3)  # scale fit
    assert any(note.startswith("conjugated") for note in basis.notes)


@pytest.mark.parametrize("true_ppm", [4.65, 4.68, 3.0])
def test_the_reference_is_found_from_the_singlets(true_ppm, closed_form_basis, tmp_path):
    turn = np.exp(2j * np.pi * (4.65 - true_ppm) * 127.7 * closed_form_basis.axis.time_s)
    # The file says 4.65 ppm whatever the truth is.
    write_basis(
        tmp_path / "b.nii.gz",
        replace(closed_form_basis, fids=closed_form_basis.fids * turn),
        "nifti",
    )
    basis = read_basis(tmp_path / "b.nii.gz")
    assert basis.axis.reference_ppm == true_ppm
    assert any("0 Hz taken as" in note for note in basis.notes) == (true_ppm != 4.65)


def test_an_edited_set_without_the_singlet_of_naa_is_understood(closed_form_basis, tmp_path):
    axis = closed_form_basis.axis
    aspartyl = np.exp(2j * np.pi * (2.6 - 4.65) * 127.7 * axis.time_s)
    fids = np.array(
        [
            fid if name != "NAA" else aspartyl
            for name, fid in zip(closed_form_basis.names, closed_form_basis.fids, strict=True)
        ]
    )
    write_basis(tmp_path / "b.nii.gz", replace(closed_form_basis, fids=fids), "nifti")
    assert read_basis(tmp_path / "b.nii.gz").notes == ()


def test_a_set_that_no_convention_explains_is_refused(closed_form_basis, tmp_path):
    turn = np.exp(2j * np.pi * 0.4 * 127.7 * closed_form_basis.axis.time_s)
    path = tmp_path / "b.nii.gz"
    write_basis(path, replace(closed_form_basis, fids=closed_form_basis.fids * turn), "nifti")
    with pytest.raises(BasisError, match=r"Cr at 3\.43 \(expected 3\.027\), NAA at 2\.41"):
        load_basis(path)


def test_scale_and_phase_come_from_creatine_for_all_alike(closed_form_basis, tmp_path):
    path = tmp_path / "b.nii.gz"
    scaled = replace(closed_form_basis, fids=closed_form_basis.fids * (-3e-4j))
    write_basis(path, scaled, "nifti")
    basis = read_basis(path)
    # The width is found to 1e-3 Hz, and amplitudes follow.
    assert basis.fids == pytest.approx(closed_form_basis.fids, abs=5e-3)
    assert any("divided by 0.0003 (phase -90 deg)" in note for note in basis.notes)
    # What only converts a file does not touch the scale.
    assert load_basis(path).fids == pytest.approx(scaled.fids, abs=1e-9)


@pytest.mark.parametrize("off_ppm", [0.0015, 0.006, -0.013, 0.04])
def test_scale_phase_and_first_point_are_judged_where_the_lines_really_are(
    off_ppm, closed_form_basis, tmp_path
):
    turn = np.exp(2j * np.pi * off_ppm * 127.7 * closed_form_basis.axis.time_s)
    fids = -0.5 * turn * closed_form_basis.fids
    fids[:, 0] /= 2
    write_basis(tmp_path / "b.nii.gz", replace(closed_form_basis, fids=fids), "nifti")
    basis = read_basis(tmp_path / "b.nii.gz")
    # Single precision, 10 protons at most.
    assert basis.fids == pytest.approx(turn * closed_form_basis.fids, abs=1e-5)
    is_moved = off_ppm != 0.0015
    assert basis.axis.reference_ppm == pytest.approx(4.65 - is_moved * off_ppm, abs=1e-4)
    assert any("ppm off otherwise" in note for note in basis.notes) == is_moved


@pytest.mark.parametrize(("name", "ppm", "protons"), [("PCr", 3.029, 3), ("PCh", 3.208, 9)])
def test_without_creatine_another_singlet_gives_the_scale(
    name, ppm, protons, closed_form_basis, tmp_path
):
    axis = closed_form_basis.axis
    line = protons * np.exp((2j * np.pi * axis.hz(ppm) - np.pi * 1.5) * axis.time_s)
    other = closed_form_basis.chosen([2, 3])
    fids = np.concatenate([line[np.newaxis], other.fids])
    expected = replace(other, names=(name, *other.names), kinds=(Kind.METABOLITE,) * 3, fids=fids)
    write_basis(tmp_path / "b.nii.gz", replace(expected, fids=0.5 * fids), "nifti")
    basis = read_basis(tmp_path / "b.nii.gz")
    assert basis.fids == pytest.approx(expected.fids, abs=1e-5)  # single precision
    (note,) = basis.notes
    assert note.startswith("divided by 0.5 (phase 0 deg), the signal of one proton of phospho")


def test_the_scale_is_not_taken_from_a_singlet_that_editing_took(closed_form_basis, tmp_path):
    axis = closed_form_basis.axis
    aspartyl = np.exp(2j * np.pi * axis.hz(2.6) * axis.time_s)
    fids = np.array([aspartyl, *closed_form_basis.fids[2:4]])
    edited = replace(closed_form_basis.chosen([1, 2, 3]), fids=fids)
    methyl = 9 * np.exp(2j * np.pi * axis.hz(3.208) * axis.time_s)[np.newaxis]
    choline = replace(edited.chosen([0]), names=("PCh",), fids=methyl)
    both = edited.joined(choline)
    write_basis(tmp_path / "b.nii.gz", replace(both, fids=2 * both.fids), "nifti")
    basis = read_basis(tmp_path / "b.nii.gz")
    assert abs(basis.fid("PCh")[0]) == pytest.approx(9, rel=1e-4)  # single precision


def test_a_halved_first_point_is_told_by_scyllo_inositol_where_naa_gives_the_scale(
    closed_form_basis, tmp_path
):
    axis = closed_form_basis.axis
    line = 6 * np.exp((2j * np.pi * axis.hz(3.34) - np.pi * 1.5) * axis.time_s)[np.newaxis]
    scyllo = replace(closed_form_basis.chosen([0]), names=("sIns",), fids=line)
    whole = closed_form_basis.chosen([1, 2, 3]).joined(scyllo)
    fids = whole.fids / 3
    fids[:, 0] /= 2
    write_basis(tmp_path / "b.nii.gz", replace(whole, fids=fids), "nifti")
    basis = read_basis(tmp_path / "b.nii.gz")
    assert basis.fids == pytest.approx(whole.fids, abs=5e-3)  # scale fit
    assert any("N-acetylaspartate" in note for note in basis.notes)


def test_a_halved_first_point_is_doubled(closed_form_basis, tmp_path):
    fids = closed_form_basis.fids.copy()
    fids[:, 0] /= 2
    write_basis(tmp_path / "b.nii.gz", replace(closed_form_basis, fids=fids), "nifti")
    basis = read_basis(tmp_path / "b.nii.gz")
    assert basis.fids[:, 0] == pytest.approx(closed_form_basis.fids[:, 0], abs=5e-3)  # scale fit
    assert any(note.startswith("first point doubled") for note in basis.notes)


@pytest.mark.parametrize("stated_hz", [0.0, 3.0])
def test_the_width_of_the_lines_is_that_of_the_singlets(stated_hz, closed_form_basis, tmp_path):
    stated = replace(closed_form_basis, linewidth_hz=stated_hz)
    write_basis(tmp_path / "b.nii.gz", stated, "nifti")
    basis = read_basis(tmp_path / "b.nii.gz")
    assert basis.linewidth_hz == pytest.approx(1.5, abs=1e-3)  # where iterations stop
    assert any(f"not {stated_hz:.2g} Hz as the file says" in note for note in basis.notes)
    write_basis(tmp_path / "right.nii.gz", closed_form_basis, "nifti")
    assert not any("Hz wide" in note for note in read_basis(tmp_path / "right.nii.gz").notes)


def test_a_gaussian_width_of_the_lines_is_found(closed_form_basis, tmp_path):
    time_s = closed_form_basis.axis.time_s
    gaussian = np.exp(-((np.pi * 2.0 * time_s) ** 2) / (4 * np.log(2)))
    wider = replace(closed_form_basis, fids=closed_form_basis.fids * gaussian)
    write_basis(tmp_path / "b.nii.gz", wider, "nifti")
    basis = read_basis(tmp_path / "b.nii.gz")
    widths = (basis.linewidth_hz, basis.gaussian_linewidth_hz)
    assert widths == pytest.approx((1.5, 2.0), abs=5e-3)  # scale fit
    assert "lines 2 Hz wide (Gaussian) by creatine" in basis.notes
    write_basis(tmp_path / "right.nii.gz", closed_form_basis, "nifti")
    assert read_basis(tmp_path / "right.nii.gz").gaussian_linewidth_hz == 0.0


@pytest.mark.parametrize("unwanted", ["H2O", "Water", "CRCH2", "-CrCH2"])
def test_names_of_other_programs_are_understood(unwanted, closed_form_basis, tmp_path):
    renamed = replace(closed_form_basis, names=("Cre", "NAA", "Glu", "mI", unwanted))
    renamed = replace(renamed, kinds=(Kind.METABOLITE,) * 5)
    write_basis(tmp_path / "fsl", renamed, "fsl")
    basis = read_basis(tmp_path / "fsl")
    assert set(basis.names) == {"Cr", "NAA", "Glu", "Ins"}
    assert "read Cre as Cr, mI as Ins" in basis.notes
    assert f"left out {unwanted}: not fitted as metabolites" in basis.notes


def emptied(basis, *names):
    return replace(basis, fids=np.where(np.isin(basis.names, names)[:, np.newaxis], 0, basis.fids))


@pytest.mark.parametrize("fmt", ["fsl", "lcmodel"])
def test_a_response_without_signal_is_left_out_and_it_says_so(fmt, closed_form_basis, tmp_path):
    path = tmp_path / _NAMES[fmt]
    write_basis(path, emptied(closed_form_basis, "Ins"), fmt)
    basis = read_basis(path)
    assert set(basis.names) == set(closed_form_basis.names) - {"Ins"}
    assert "left out Ins: the response holds no signal" in basis.notes


def test_the_scale_is_not_taken_from_naa_where_editing_left_nothing_of_creatine(
    closed_form_basis, tmp_path
):
    write_basis(tmp_path / "fsl", emptied(closed_form_basis, "Cr"), "fsl")
    basis = read_basis(tmp_path / "fsl")
    assert "Cr" not in basis.names
    assert any(note.startswith(SCALE_UNKNOWN) for note in basis.notes)


def test_a_set_of_zeros_is_refused(closed_form_basis, tmp_path):
    write_basis(tmp_path / "fsl", emptied(closed_form_basis, *closed_form_basis.names), "fsl")
    with pytest.raises(BasisError, match="every response is zero"):
        read_basis(tmp_path / "fsl")


def test_two_names_for_one_substance_are_refused(closed_form_basis, tmp_path):
    renamed = replace(closed_form_basis, names=("Cr", "NAA", "mI", "Ins", "MM09"))
    write_basis(tmp_path / "fsl", renamed, "fsl")
    with pytest.raises(BasisError, match="same substance"):
        read_basis(tmp_path / "fsl")


@pytest.mark.parametrize(("name", "part"), [("tCr", "Cr"), ("tnaa", "NAA"), ("Glx", "Glu")])
def test_a_response_named_like_a_sum_is_refused_with_its_parts(
    closed_form_basis, tmp_path, name, part
):
    names = tuple(name if one == part else one for one in closed_form_basis.names)
    write_basis(tmp_path / "b.nii.gz", replace(closed_form_basis, names=names), "nifti")
    with pytest.raises(BasisError, match=f"{name}' has the name of a sum.* or name it {part}"):
        read_basis(tmp_path / "b.nii.gz")


def test_a_set_without_singlets_says_that_nothing_was_checked(closed_form_basis, tmp_path):
    only = replace(
        closed_form_basis,
        names=("Glu",),
        kinds=(Kind.METABOLITE,),
        fids=closed_form_basis.fids[2:3],
    )
    write_basis(tmp_path / "b.nii.gz", only, "nifti")
    notes = read_basis(tmp_path / "b.nii.gz").notes
    assert any("sign and reference not checked" in note for note in notes)
    assert any("scale not checked" in note for note in notes)


def test_unknown_paths_and_formats_are_refused(closed_form_basis, tmp_path):
    with pytest.raises(BasisError, match="no such basis set"):
        load_basis(tmp_path / "none.basis")
    (tmp_path / "notes.docx").write_text("x")
    with pytest.raises(BasisError, match="unknown kind of basis set"):
        load_basis(tmp_path / "notes.docx")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BasisError, match="neither FSL-MRS"):
        load_basis(tmp_path / "empty")
    with pytest.raises(BasisError, match=r"'tarquin' is unknown. Known are lcmodel"):
        write_basis(tmp_path / "x", closed_form_basis, "tarquin")


def test_repeated_names_and_nan_are_the_fault_of_the_file(closed_form_basis, tmp_path):
    write_basis(tmp_path / "b.basis", closed_form_basis, "lcmodel")
    text = (tmp_path / "b.basis").read_text()
    (tmp_path / "twice.basis").write_text(text.replace("METABO = 'NAA'", "METABO = 'Cr'"))
    with pytest.raises(BasisError, match=r"twice.basis: names are not unique"):
        load_basis(tmp_path / "twice.basis")
    first = text.split("$END\n")[4].splitlines()[0]
    (tmp_path / "nan.basis").write_text(text.replace(first, " NaN NaN", 1))
    with pytest.raises(BasisError, match=r"nan.basis: .* fids are not finite"):
        load_basis(tmp_path / "nan.basis")


def test_a_scan_is_not_taken_for_a_basis_set(tmp_path, write_scan, singlet):
    with pytest.raises(BasisError, match="a NIfTI-MRS file, but not a basis set"):
        load_basis(write_scan(singlet(2.0)))
    (tmp_path / "cut.nii.gz").write_bytes(b"cut")
    with pytest.raises(BasisError, match="cannot be read as NIfTI-MRS"):
        load_basis(tmp_path / "cut.nii.gz")


def test_written_nifti_is_valid_nifti_mrs(closed_form_basis, tmp_path):
    write_basis(tmp_path / "b.nii.gz", closed_form_basis, "nifti")
    validate_nifti_mrs(NIFTI_MRS(tmp_path / "b.nii.gz").image)


def test_the_target_name_tells_the_format(tmp_path):
    assert format_of(tmp_path / "b.BASIS") == "lcmodel"
    assert format_of(tmp_path / "b.nii.gz") == "nifti"
    assert format_of(tmp_path / "folder") == "fsl"
    with pytest.raises(BasisError, match="no format has this suffix"):
        format_of(tmp_path / "b.csv")


def test_raw_files_need_their_sampling(closed_form_basis, tmp_path):
    write_basis(tmp_path / "raw", closed_form_basis, "raw")
    with pytest.raises(BasisError, match="do not state their sampling"):
        load_basis(tmp_path / "raw")
    with pytest.raises(BasisError, match="1024 points, expected 2048"):
        load_basis(tmp_path / "raw", Axis(2048, 4e-4, 127.7, 4.65))


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("file", "n_components"),
    [
        ("press35_3T_philips.BASIS", 17),
        ("press30_3T_philips.BASIS", 17),
        ("press30_3T_ge_osprey.mat", 35),
    ],
)
def test_real_files_are_understood(file, n_components, real_data):
    basis = read_basis(real_data / "invivo_press" / file)
    assert len(basis.names) == n_components
    assert {"Glu", "Gln", "Ins", "sIns", "Cr", "NAA"} <= set(basis.names)
    spectrum = np.abs(np.fft.fftshift(np.fft.fft(basis.fid("NAA"))))
    assert basis.axis.ppm[spectrum.argmax()] == pytest.approx(2.008, abs=0.01)  # bins of 0.01 ppm
    # Shaped pulses leave 5 % of the six protons of scyllo-inositol out, relative to creatine's.
    assert abs(basis.fid("sIns")[1]) == pytest.approx(6, rel=0.05)
