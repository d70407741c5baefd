import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glxflow.report.numbers import interval, number, p_value, with_sd


@pytest.mark.parametrize(
    ("value", "sd", "text"),
    [
        (1.23456, 0.0456, "1.235 ± 0.046"),
        (0.0312, 0.0132, "0.031 ± 0.013"),
        (123.4, 5.6, "123.4 ± 5.6"),
        (12345.0, 678.0, "12340 ± 680"),
        (-0.5, 0.25, "−0.50 ± 0.25"),
        (1.0, 0.0, "1.00"),
        (1.5, math.nan, "1.50 (no SD)"),
        (math.nan, 0.1, "n/a"),
        (0.0, 0.1, "0.00 ± 0.10"),
    ],
)
def test_a_value_has_the_digits_that_its_sd_deserves(value, sd, text):
    assert with_sd(value, sd) == text


@given(st.floats(1e-3, 1e4), st.floats(1e-3, 1e2))
def test_what_is_printed_is_within_a_twentieth_of_an_sd(value, sd):
    shown, shown_sd = map(float, with_sd(value, sd).split(" ± "))
    # Two digits of the SD: the step is at most sd / 10, and rounding moves half a step.
    assert abs(shown - value) <= 0.0501 * sd
    assert abs(shown_sd - sd) <= 0.0501 * sd


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (-0.0585, -0.0039, "[−0.0585, −0.0039]"),
        (4.1, 71.0, "[4.1, 71.0]"),
        (math.nan, math.nan, "[n/a, n/a]"),
        (-math.inf, 3.0, "[−∞, 3.00]"),
        (-0.0458, -0.0000213, "[−0.0458, −2e−05]"),
        (0.0, 0.0458, "[0.0000, 0.0458]"),
    ],
)
def test_both_ends_of_an_interval_have_the_same_decimals(low, high, text):
    assert interval(low, high) == text


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.0270, "P = 0.027"),
        (0.00004, "P < 0.001"),
        (0.0496, "P = 0.050"),
        (0.9999, "P > 0.99"),
        (math.nan, "P not computable"),
    ],
)
def test_p_values_print_as_journals_do(p, text):
    assert p_value(p) == text


@given(st.floats(-1e7, 1e7).filter(lambda value: value == 0 or abs(value) > 1e-9))
def test_three_digits_are_kept(value):
    text = number(value).replace("−", "-")
    assert re.fullmatch(r"-?\d+(\.\d+)?(e[+-]?\d+)?", text)
    # Three significant digits round by at most half a unit of the third: 0.5 %.
    assert float(text) == pytest.approx(value, rel=0.005001)
