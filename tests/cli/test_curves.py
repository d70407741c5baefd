import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest

from glxflow.cli.curves import curves_of
from glxflow.spectrum import Axis

AXIS = Axis(1024, 5e-4, 123.25, 4.65)


@pytest.fixture(scope="module")
def fits():
    """Curves of 20 bins with 20 metabolites: a Gaussian of 0.1 ppm each, at 0.2 to 4.0 ppm."""
    zero_filled = Axis(2 * AXIS.n_points, 5e-4, 123.25, 4.65)
    ppm = zero_filled.ppm[(zero_filled.ppm > 0.2) & (zero_filled.ppm < 4.2)]
    lines = np.exp(-(((ppm - np.linspace(0.2, 4.0, 20)[:, None]) / 0.1) ** 2))
    fit, none = lines.sum(axis=0), np.zeros(ppm.size)
    curves = {"data": fit, "fit": fit, "baseline": none, "residual": none, "components": lines}
    names = [f"M{index}" for index in range(20)]
    return [SimpleNamespace(ppm=ppm, names=names, **curves)] * 20


def test_signals_have_the_curves_as_their_real_spectra(fits):
    signals, labels, axis = curves_of(fits, AXIS)
    spectra = np.fft.fftshift(np.fft.fft(signals, axis=-1), axes=-1).real
    inside = np.isin(axis.ppm, fits[0].ppm)
    expected = np.vstack([fits[0].data, fits[0].components])
    found = spectra[[0, *range(4, 24)], 7]
    # Single precision, and what the cut at half of the zero-filled time takes away.
    assert found[:, inside] == pytest.approx(expected, abs=1e-3)
    assert labels[4:] == fits[0].names


def test_curves_of_many_bins_take_little_more_memory_than_their_file(fits):
    tracemalloc.start()
    signals, _, _ = curves_of(fits, AXIS)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.5 * signals.nbytes
