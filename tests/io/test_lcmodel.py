"""LCModel files as they are found in the wild."""

import numpy as np
import pytest

from glxflow.errors import BasisError
from glxflow.io.lcmodel import read_basis_file, read_raw

_N = 64


@pytest.fixture
def write_basis_text(tmp_path):
    """Return a writer of .BASIS files with one singlet a metabolite."""

    def write(header, metabolites, layout="{:15.6E}{:15.6E}\n", end="$END"):
        text = header
        for fields, ppm in metabolites:
            # LCModel: exp(-2j pi f t), and an unshifted transform.
            fid = np.exp(-2j * np.pi * (ppm - 4.65) * 123.2 * np.arange(_N) * 4e-4)
            rows = "".join(layout.format(v.real, v.imag) for v in np.fft.fft(fid))
            text += f" $BASIS\n {fields}\n {end}\n{rows}"
        path = tmp_path / "test.basis"
        path.write_text(text)
        return path

    return write


CLEAN = (
    " $SEQPAR\n FWHMBA = 0.01,\n HZPPPM = 123.2,\n ECHOT = 30.00,\n SEQ = 'PRESS'\n $END\n"
    " $BASIS1\n IDBASI = 'test',\n FMTBAS = '(2E15.6)',\n BADELT = 4.0E-04,\n NDATAB = 64\n $END\n"
)
UNTIDY = (
    "&seqpar hzpppm=1.232d+02 echot=30. seq=PRESS &end\n"
    "$basis1 badelt=4e-04, ndatab=64 fmtbas='(2e15.6)' ppmsep=4.65 $end\n $nmused\n $end\n"
)


def singlet(ppm):
    return np.exp(2j * np.pi * (ppm - 4.65) * 123.2 * np.arange(_N) * 4e-4)


@pytest.mark.parametrize("header", [CLEAN, UNTIDY])
def test_headers_of_any_case_and_spacing_are_read(header, write_basis_text):
    path = write_basis_text(header, [("METABO='NAA' CONC=1. TRAMP=1. VOLUME=1.", 2.0)])
    basis = read_basis_file(path)
    assert basis.names == ("NAA",)
    assert basis.axis.dwell_time_s == 4e-4
    assert basis.axis.spectrometer_frequency_mhz == 123.2
    assert basis.echo_time_s == pytest.approx(0.03)
    assert basis.fid("NAA") == pytest.approx(singlet(2.0), abs=1e-5)  # six digits printed


def test_an_echo_time_of_zero_is_an_unknown_one(write_basis_text):
    path = write_basis_text(CLEAN.replace("30.00", "0.0"), [("METABO='NAA'", 2.0)])
    assert np.isnan(read_basis_file(path).echo_time_s)


@pytest.mark.parametrize("name", ["METABO='NAA'", "metabo = NAA,", 'Metabo="NAA"', "METABO='NAA"])
def test_names_are_read_with_and_without_quotes(name, write_basis_text):
    assert read_basis_file(write_basis_text(CLEAN, [(name, 2.0)])).names == ("NAA",)


def test_scale_is_tramp_over_volume_and_concentration(write_basis_text):
    path = write_basis_text(CLEAN, [("METABO='Cr' CONC=2. TRAMP=6. VOLUME=1.5", 3.0)])
    assert read_basis_file(path).fid("Cr") == pytest.approx(2 * singlet(3.0), abs=1e-5)


def test_ishift_rolls_the_spectrum_back(write_basis_text):
    bin_ppm = 1 / (_N * 4e-4) / 123.2
    path = write_basis_text(CLEAN, [("METABO='Cr' ISHIFT=3", 3.0)])
    # ppm = 4.65 - f / HZPPPM: three bins down in f are three bins up in ppm.
    assert read_basis_file(path).fid("Cr") == pytest.approx(singlet(3.0 + 3 * bin_ppm), abs=1e-5)


def test_an_encrypted_file_is_refused(write_basis_text):
    header = CLEAN.replace("BADELT = 4.0E-04", "badelt=-4e-04")
    with pytest.raises(BasisError, match=r"line 7: BADELT is -0.0004 s.*encrypted"):
        read_basis_file(write_basis_text(header, [("METABO='Cr'", 3.0)]))


def test_truncated_numbers_name_metabolite_and_line(write_basis_text):
    path = write_basis_text(CLEAN, [("METABO='Cr'", 3.0), ("METABO='NAA'", 2.0)])
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-5]))
    with pytest.raises(BasisError, match=r"line 80: NAA holds 59 complex points, expected NDATAB"):
        read_basis_file(path)


def test_unreadable_numbers_name_their_line(write_basis_text):
    path = write_basis_text(CLEAN, [("METABO='Cr'", 3.0)])
    lines = path.read_text().splitlines()
    lines[20] = " 1.0E+00  oops"
    path.write_text("\n".join(lines))
    with pytest.raises(BasisError, match=r"line 21: '1\.0E\+00  OOPS' are no numbers"):
        read_basis_file(path)


def test_numbers_that_run_together_are_split_by_the_format(write_basis_text):
    path = write_basis_text(
        CLEAN.replace("2E15.6", "2E13.6"), [("METABO='Cr'", 3.0)], layout="{:13.6E}{:13.6E}\n"
    )
    assert any("E+00-" in line or "E-01-" in line for line in path.read_text().splitlines())
    assert read_basis_file(path).fid("Cr") == pytest.approx(singlet(3.0), abs=1e-5)


@pytest.mark.parametrize("field", ["HZPPPM", "BADELT", "NDATAB"])
def test_a_missing_field_is_named(field, write_basis_text):
    header = "\n".join(line for line in CLEAN.splitlines() if field not in line) + "\n"
    with pytest.raises(BasisError, match=f"has no {field}"):
        read_basis_file(write_basis_text(header, [("METABO='Cr'", 3.0)]))


def test_a_field_that_is_no_number_is_named(write_basis_text):
    header = CLEAN.replace("NDATAB = 64", "NDATAB = many")
    with pytest.raises(BasisError, match=r"NDATAB of .BASIS1 is 'many', expected a number"):
        read_basis_file(write_basis_text(header, [("METABO='Cr'", 3.0)]))


def test_another_file_is_not_taken_for_a_basis_set(tmp_path):
    path = tmp_path / "letter.basis"
    path.write_text("Dear reader")
    with pytest.raises(BasisError, match=r"no \$SEQPAR group"):
        read_basis_file(path)


def test_raw_files_are_conjugated_and_scaled(tmp_path):
    path = tmp_path / "Cr.RAW"
    fid = np.conj(singlet(3.0))
    rows = "".join(f"{v.real:13.5E}{v.imag:13.5E}\n" for v in fid)
    path.write_text(
        " $SEQPAR\n hzpppm=123.2 $END\n"
        f" $NMID ID='Cr' FMTDAT='(2E13.5)'\n tramp=2. volume=1. $END\n{rows}"
    )
    assert read_raw(path) == pytest.approx(2 * singlet(3.0), abs=1e-4)  # five digits printed


def test_a_raw_file_cut_within_a_pair_is_refused(tmp_path):
    path = tmp_path / "Cr.RAW"
    path.write_text(" $NMID FMTDAT='(2E13.5)' $END\n 1.0 2.0\n 3.0\n")
    with pytest.raises(BasisError, match="3 numbers after"):
        read_raw(path)
