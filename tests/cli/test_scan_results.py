import math
from types import SimpleNamespace

import numpy as np
import pytest

from glxflow.cli.scan_results import ScanResult, used_percent
from glxflow.fit.ensemble import Ensemble, Member
from glxflow.spectrum import FitStatus, Kind


def test_transients_that_could_not_be_read_count_as_acquired():
    part = {"n_used": 9, "n_rejected": 1}
    assert used_percent(part | {"n_acquired": 20}) == pytest.approx(45)
    assert used_percent(part) == pytest.approx(90)


def test_one_average_of_the_scanner_has_no_share():
    assert math.isnan(used_percent({"n_used": 1, "n_rejected": 0, "n_acquired": 1}))


def test_of_a_bin_that_could_not_be_fitted_models_say_nothing():
    """What they follow is noise, and would have a spread beside an estimate that is absent."""
    names, kinds = ("Glu", "Cr"), (Kind.METABOLITE,) * 2
    own = np.array([[9.0, 8.0], [9.0, 8.0], [70.0, -3.0]])
    other = own + np.array([1.0, 0.0])
    results = [
        SimpleNamespace(names=names, kinds=kinds, status=status)
        for status in (FitStatus.CONVERGED, FitStatus.FAILED)
    ]
    fits = tuple(SimpleNamespace(result=one) for one in results)
    ensemble = Ensemble(names, own, (Member("range", "wider", 1.0, other),))
    first, second = ScanResult("x", {}, fits, "no water", {}, None, ensemble).spreads
    assert first["Glu"].sd_model == pytest.approx(1.0)
    assert math.isnan(second["Glu"].sd_model)
    assert math.isnan(second["Glu"].ratio_tcr_change_sd_model)
