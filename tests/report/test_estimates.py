import numpy as np
import pytest

from glxflow.report.estimates import estimate_rows

SCALED = ["amplitude", "sd", "crlb", "limit95"]


def amplitudes_of(table):
    rows = estimate_rows(table)
    (place,) = [n for n, name in enumerate(rows["columns"]) if name.startswith("amplitude")]
    return rows["columns"][place], {row["name"]: row["cells"][place] for row in rows["rows"]}


@pytest.mark.parametrize("power", [-6, 3])
def test_amplitudes_of_any_unit_are_short_numbers_with_a_power_in_the_heading(estimates, power):
    plain = estimates()
    columns = [name for name in SCALED if name in plain]
    other = plain.assign(**{name: plain[name] * 10.0**power for name in columns})
    heading, cells = amplitudes_of(plain)
    assert heading == "amplitude ± SD"
    scaled_heading, scaled = amplitudes_of(other)
    assert scaled_heading == f"amplitude ± SD, in 1e{power}".replace("-", "−")
    assert scaled == cells
    assert "(95 % below 0.196)" in cells["Lac"]


def test_a_table_without_amplitudes_keeps_its_heading(estimates):
    heading, _ = amplitudes_of(estimates().assign(amplitude=0.0, sd=np.nan))
    assert heading == "amplitude ± SD"


def test_an_sd_beyond_its_value_is_no_percentage(estimates):
    table = estimates()
    sds = table["sd"].where(table["metabolite"] != "Glx", 80 * table["amplitude"])
    rows = estimate_rows(table.assign(sd=sds))
    place = rows["columns"].index("SD")
    (cells,) = (row["cells"] for row in rows["rows"] if row["name"] == "Glx")
    assert cells[place] == "> 100 %"
