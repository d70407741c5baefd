import math
import re
from pathlib import Path

import pytest

from glxflow.errors import ConfigError
from glxflow.qc.limits import DEFAULT_LIMITS, Limit, limits_from
from glxflow.qc.metrics import METRICS
from glxflow.qc.rules import Level, judge
from glxflow.spectrum import FitStatus, Flag

GOOD = {
    "snr": 60.0,
    "fwhm_ppm": 0.05,
    "transients_used": 98.0,
    "drift_hz": 2.0,
    "water_residual": 0.1,
    "reduced_chi2": 1.05,
    "glx_tnaa_sd": 0.04,
    "glx_relative_sd": 4.0,
    "glx_baseline_sensitivity": 3.0,
}


def verdict(changes=None, flags=(), status=FitStatus.CONVERGED, limits=DEFAULT_LIMITS):
    return judge(GOOD | (changes or {}), limits, status=status, flags=flags)


def test_every_metric_has_a_default_limit():
    assert {metric.key for metric in METRICS} == set(DEFAULT_LIMITS)


def test_a_good_spectrum_passes_without_a_word():
    good = verdict()
    assert good.level is Level.PASS
    assert good.is_usable
    assert good.flags == ()
    assert [finding.key for finding in good.findings] == [metric.key for metric in METRICS]


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.key)
def test_a_value_at_its_limit_passes_and_one_beyond_does_not(metric):
    limit = DEFAULT_LIMITS[metric.key].doubtful
    beyond = math.nextafter(limit, -math.inf if metric.better == "higher" else math.inf)
    assert verdict({metric.key: limit}).level is Level.PASS
    assert verdict({metric.key: beyond}).level is Level.DOUBTFUL


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.key)
def test_a_value_beyond_the_last_limit_fails_where_there_is_one(metric):
    awful = 0.0 if metric.better == "higher" else 1e6
    expected = Level.DOUBTFUL if DEFAULT_LIMITS[metric.key].fail is None else Level.FAIL
    assert verdict({metric.key: awful}).level is expected


def test_a_relative_limit_never_excludes_by_itself():
    assert verdict({"glx_relative_sd": 500.0}).is_usable


def test_a_reason_names_value_limit_and_remedy():
    (flag,) = verdict({"snr": 6.4}).flags
    assert flag.message == (
        "Signal to noise is 6.4; expected at least 20, fails below 8. "
        "Average more transients (wider time bins), or leave the spectrum out."
    )


def test_a_wide_interval_is_not_put_down_to_noise_where_the_model_is_wrong():
    # te30 has SNR 130 and reduced chi-squared 7: no transient more would narrow it.
    flags = verdict({"glx_tnaa_sd": 0.2, "reduced_chi2": 7.0}).flags
    (flag,) = (flag for flag in flags if flag.code == "glx_tnaa_sd")
    assert "Where reduced chi-squared passes, average more transients" in flag.message


def test_what_cannot_be_computed_is_said_and_is_no_failure():
    unknown = verdict({"drift_hz": math.nan})
    finding = next(finding for finding in unknown.findings if finding.key == "drift_hz")
    assert unknown.level is Level.PASS
    assert finding.level == "not computable"
    assert "the scanner stored one average" in finding.message
    absent = judge(
        {key: value for key, value in GOOD.items() if key != "drift_hz"},
        DEFAULT_LIMITS,
        status=FitStatus.CONVERGED,
    )
    assert absent.findings[3].message == finding.message


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("transients_used", "of one transient or"),
        ("glx_baseline_sensitivity", "Glx or tNAA is zero"),
        ("glx_relative_sd", "nothing was fitted"),
        ("reduced_chi2", "nothing was fitted"),
    ],
)
def test_the_reason_of_what_cannot_be_computed_holds_every_case(key, why):
    """A bin may be of one transient, and not only a scanner's average."""
    (finding,) = (one for one in verdict({key: math.nan}).findings if one.key == key)
    assert why in finding.message


@pytest.mark.parametrize("status", [FitStatus.NOT_CONVERGED, FitStatus.FAILED])
def test_a_fit_without_a_minimum_fails_however_good_it_looks(status):
    failed = verdict(status=status)
    assert failed.level is Level.FAIL
    assert not failed.is_usable
    assert status.value in failed.flags[0].message


def test_the_worst_reason_comes_first():
    mixed = verdict({"drift_hz": 12.0, "fwhm_ppm": 0.2}, flags=(Flag("bound", "At its bound."),))
    assert [flag.code for flag in mixed.flags] == ["fwhm_ppm", "drift_hz", "bound"]


def test_the_fits_own_doubt_makes_a_spectrum_doubtful():
    doubtful = verdict(flags=(Flag("shift_at_bound", "The shift of Gln is at its bound."),))
    assert doubtful.level is Level.DOUBTFUL
    assert doubtful.flags[0].message == "The shift of Gln is at its bound."


def test_what_the_fit_has_dealt_with_is_said_and_no_doubt():
    noted = verdict(flags=(Flag("ENDS", "Only 1.8 to 4.2 ppm were trusted."),))
    assert noted.level is Level.PASS
    assert [flag.code for flag in noted.flags] == ["ENDS"]


def test_the_fits_doubt_about_a_judged_figure_is_not_said_twice():
    flags = (Flag("LOW_SNR", "SNR is 60"), Flag("RESIDUAL", "chi-squared is 1.05"))
    assert verdict(flags=flags).flags == ()
    assert len(verdict({"snr": math.nan}, flags=flags).flags) == 1


def test_a_row_holds_figures_verdict_and_reasons():
    row = verdict({"snr": 6.4, "drift_hz": 12.0}).row
    assert list(row) == [*GOOD, "qc_level", "qc_pass", "flags"]
    assert (row["snr"], row["qc_level"], row["qc_pass"]) == (6.4, "fail", False)
    assert row["flags"].startswith("Signal to noise is 6.4;")
    assert "Frequency drift is 12 Hz;" in row["flags"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"snr": 7.9996}, "is 7.9996;"),
        ({"fwhm_ppm": 0.10004}, "is 0.10004 ppm;"),
        ({"snr": 6.4321}, "is 6.43;"),
    ],
)
def test_a_value_beyond_its_limit_is_not_rounded_to_it(changes, said):
    (flag,) = verdict(changes).flags
    assert said in flag.message


def test_the_configuration_changes_one_limit_and_keeps_the_other():
    limits = limits_from({"snr": {"doubtful": 40.0}, "fwhm_ppm": {"fail": None}})
    assert limits["snr"] == Limit(40.0, 8.0)
    assert limits["fwhm_ppm"] == Limit(0.075, None)
    assert limits["drift_hz"] == DEFAULT_LIMITS["drift_hz"]


def test_the_configurations_mistakes_are_listed_at_once():
    with pytest.raises(ConfigError) as caught:
        limits_from({"snrr": {}, "snr": {"min": 3}, "drift_hz": {"doubtful": 9.0, "fail": 3.0}})
    message = str(caught.value)
    assert "3 problems" in message
    assert "unknown metric 'snrr'" in message
    assert "'snr' has ['min']" in message
    assert "'drift_hz' fails at 3 but is doubtful only at 9" in message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (None, "'snr' is None; give 'doubtful', 'fail' or both"),
        (8.0, "'snr' is 8.0; give 'doubtful', 'fail' or both"),
        ({"fail": "8"}, "'snr.fail' is '8'; give a finite number, or null for no limit"),
        ({"fail": True}, "'snr.fail' is True"),
        ({"doubtful": math.nan, "fail": math.nan}, "2 problems"),
        ({"fail": math.inf}, "'snr.fail' is inf"),
    ],
)
def test_a_limit_that_is_no_number_is_refused(changes, message):
    with pytest.raises(ConfigError) as caught:
        limits_from({"snr": changes})
    assert message in str(caught.value)


def test_the_manual_states_the_limits_that_apply():
    manual = Path(__file__).parents[2] / "docs" / "reading_the_pages.md"
    rows = re.findall(
        r"^\| `(\w+)` \|.*?\| ([^|]+) \| ([^|]+) \|[^|]*\|$", manual.read_text(), re.M
    )
    stated = {key: (doubtful.strip(), fail.strip()) for key, doubtful, fail in rows}
    wanted = {
        key: tuple(
            "never" if edge is None else f"{edge:g}" for edge in (limit.doubtful, limit.fail)
        )
        for key, limit in DEFAULT_LIMITS.items()
    }
    assert stated == wanted
