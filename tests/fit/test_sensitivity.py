from dataclasses import replace

import numpy as np
import pytest

from glxflow.errors import ConfigError
from glxflow.fit import baseline_alternatives, fit_prepared
from glxflow.spectrum import Fid, FitStatus


def test_alternatives_have_half_and_double_the_dimension(model, make_fid):
    fid = make_fid()
    fit = fit_prepared(fid, model)
    result = fit.result
    stiffer, softer = baseline_alternatives(fid, model, fit)
    assert stiffer.baseline_ed == pytest.approx(result.baseline_ed / 2, rel=1e-6)  # root finder
    assert softer.baseline_ed == pytest.approx(result.baseline_ed * 2, rel=1e-6)
    glu = result.names.index("Glu")
    # Without a baseline in the data its stiffness hardly matters: half a typical SD.
    assert softer.amplitudes[glu] == pytest.approx(result.amplitudes[glu], rel=0.03)


def test_half_a_stiff_baseline_is_a_bent_line(model):
    spline = model.spline
    half, double = spline.alternatives(2.5 / spline.width_ppm)
    assert half * spline.width_ppm == pytest.approx(2.2)
    assert double * spline.width_ppm == pytest.approx(5.0)


def test_a_fit_that_did_not_converge_has_no_alternatives(model, make_fid):
    fid = make_fid()
    fit = fit_prepared(fid, model)
    early = replace(fit, result=replace(fit.result, status=FitStatus.NOT_CONVERGED))
    assert baseline_alternatives(fid, model, early) == ()


def test_a_failed_fit_has_no_alternatives(model, make_fid):
    fid = make_fid()
    noise = np.random.default_rng(1).normal(size=(2, fid.samples.size))
    nothing = Fid(noise[0] + 1j * noise[1], fid.axis)
    assert baseline_alternatives(nothing, model, fit_prepared(nothing, model)) == ()


@pytest.mark.parametrize("ed", [0.4, 30.0])
def test_impossible_dimension_is_an_error_with_the_range(ed, model):
    with pytest.raises(ConfigError, match="expected between 0\\.5"):
        model.spline.stiffness(ed)
