"""jMRUI text files."""

import numpy as np
import pytest

from glxflow.errors import BasisError
from glxflow.io.jmrui import read_text_files

HEADER = """jMRUI Data Textfile

Filename: NAA.txt

PointsInDataset: 3
DatasetsInFile: {n}
SamplingInterval: 5E-1
ZeroOrderPhase: 0E0
BeginTime: 0E0
TransmitterFrequency: 1.232E8
MagneticField: 3E0
SignalNames: {names}


Signal and FFT
sig(real)\tsig(imag)\tfft(real)\tfft(imag)
"""
FOUR = "1.0\t0.0\t9\t9\n0.0\t1.0\t9\t9\n-1.0\t0.0\t9\t9\n"
TWO = "2.0 0.0\n0.0 2.0\n-2.0 0.0\n"


@pytest.fixture
def write_text(tmp_path):
    def write(text, name="NAA.txt"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_four_columns_are_signal_and_transform(write_text):
    path = write_text(HEADER.format(n=1, names="NAA.txt") + "Signal 1 out of 1 in file\n" + FOUR)
    basis = read_text_files([path])
    assert basis.names == ("NAA",)
    assert basis.fid("NAA") == pytest.approx(np.array([1, -1j, -1]))
    assert basis.axis.dwell_time_s == pytest.approx(5e-4)  # the file has ms
    assert basis.axis.spectrometer_frequency_mhz == pytest.approx(123.2)  # the file has Hz


def test_several_signals_in_one_file_are_named(write_text):
    text = HEADER.format(n=2, names="NAA.txt;Cr.txt")
    text += f"Signal 1 out of 2 in file\n{FOUR}Signal 2 out of 2 in file\n{FOUR}"
    assert read_text_files([write_text(text)]).names == ("NAA", "Cr")


@pytest.mark.parametrize("names", ["NAA.txt;Cr.txt", "NAA.txt;Cr.txt;"])
def test_an_empty_field_takes_nothing_from_the_next_line(names, write_text):
    text = HEADER.format(n=2, names=names).replace("MagneticField: 3E0", "AdditionalInfo: ")
    text += f"Signal 1 out of 2 in file\n{FOUR}Signal 2 out of 2 in file\n{FOUR}"
    assert read_text_files([write_text(text)]).names == ("NAA", "Cr")


def test_two_columns_and_several_files_make_one_set(write_text):
    paths = [
        write_text(
            HEADER.format(n=1, names=name) + "Signal 1 out of 1 in file\n" + TWO, f"{name}.txt"
        )
        for name in ("Glu", "NAA")
    ]
    basis = read_text_files(paths)
    assert basis.names == ("Glu", "NAA")
    assert basis.fid("Glu")[0] == 2


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("SamplingInterval: 5E-1", "SamplingInterval: 0", "SamplingInterval is '0'"),
        ("PointsInDataset: 3", "PointsInDataset: 4", r"3 lines of samples, expected .* = 4"),
        ("TransmitterFrequency: 1.232E8\n", "", "TransmitterFrequency is None"),
        ("-1.0\t0.0", "-1.0\tx", "samples cannot be read"),
        ("Signal 1 out of 1 in file", "", "0 signals but 1 SignalNames"),
    ],
)
def test_broken_files_are_refused(old, new, message, write_text):
    text = HEADER.format(n=1, names="NAA.txt") + "Signal 1 out of 1 in file\n" + FOUR
    assert old in text
    with pytest.raises(BasisError, match=message):
        read_text_files([write_text(text.replace(old, new))])


def test_files_sampled_differently_are_refused(write_text):
    text = HEADER.format(n=1, names="x") + "Signal 1 out of 1 in file\n" + FOUR
    paths = [write_text(text), write_text(text.replace("5E-1", "2.5E-1"), "Cr.txt")]
    with pytest.raises(BasisError, match=r"Cr.txt: 3 points every 0.00025 s"):
        read_text_files(paths)
