import numpy as np
import pytest

from glxflow.fit.merit import singlet, trust

PPM = np.linspace(1.5, 3.5, 401)


def line(place_ppm, height):
    return height * np.exp(-(((PPM - place_ppm) / 0.02) ** 2))


@pytest.mark.parametrize("heights", [(10.0, 1.0), (1.0, 10.0)])
def test_singlet_is_found_whichever_of_naa_and_naag_the_fit_gives_it_to(heights):
    components = np.stack([line(2.01, heights[0]), line(2.04, heights[1]), line(3.03, 5.0)])
    row, height = singlet(("NAA", "NAAG", "Cr"), PPM, components)
    assert row == np.argmax(heights)
    assert height == pytest.approx(10.0, rel=0.02)  # a grid of 0.005 ppm


def test_creatine_serves_where_no_naa_was_found():
    components = np.stack([np.zeros(PPM.size), line(3.03, 5.0)])
    assert singlet(("NAA", "Cr"), PPM, components)[0] == 1


def test_there_may_be_no_singlet():
    assert singlet(("Glu",), PPM, np.ones((1, PPM.size))) is None


@pytest.mark.parametrize("first_bad_ppm", [3.85, 3.95, 4.1])
def test_bad_end_is_left_out_whole_wherever_it_starts(first_bad_ppm):
    """A limit that followed the misfit moved glutamate by 4 SD with the frequency offset."""
    ppm = np.linspace(0.2, 4.2, 600)
    residual = np.where(ppm > first_bad_ppm, 20.0, 1.0)
    weight = trust(ppm, residual)
    assert (weight[ppm <= 3.8] == 1).all()
    assert np.unique(weight[ppm > 3.8]).size == 1
    assert weight[-1] < 0.1


def test_the_very_end_counts_as_much_as_what_stands_before_it():
    """Seven times the noise's power in the last half of a window, where little else is."""
    ppm = np.linspace(0.2, 4.2, 401)
    residual = np.where(ppm > 4.135, np.sqrt(7.0), 1.0)
    assert (trust(ppm, residual) < 1).any()
    assert (trust(ppm, np.where(ppm > 4.135, np.sqrt(3.0), 1.0)) == 1).all()
