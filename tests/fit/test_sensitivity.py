import pytest

from glxflow.errors import ConfigError
from glxflow.fit import baseline_alternatives, fit_prepared


def test_alternatives_have_half_and_double_the_dimension(model, make_fid):
    fid = make_fid()
    result = fit_prepared(fid, model).result
    stiffer, softer = baseline_alternatives(fid, model, result)
    assert stiffer.baseline_ed == pytest.approx(result.baseline_ed / 2, rel=1e-6)  # root finder
    assert softer.baseline_ed == pytest.approx(result.baseline_ed * 2, rel=1e-6)
    glu = result.names.index("Glu")
    # Without a baseline in the data its stiffness hardly matters: half a typical SD.
    assert softer.amplitudes[glu] == pytest.approx(result.amplitudes[glu], rel=0.03)


@pytest.mark.parametrize("ed", [0.4, 30.0])
def test_impossible_dimension_is_an_error_with_the_range(ed, model):
    with pytest.raises(ConfigError, match="expected between 0\\.5"):
        model.spline.stiffness(ed)
