import math
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from glxflow.report.page import Provenance
from glxflow.report.scan_page import ScanPage, render_scan
from glxflow.spectrum import FitStatus, Flag, Step

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
LOADS = {"src", "srcset", "href", "data", "action", "poster", "background", "formaction"}


@pytest.fixture
def one_bin(fitted_bin, estimates, provenance):
    def make(**changes):
        table = changes.pop("estimates", estimates())
        return ScanPage("sub-01_ses-1", provenance, (fitted_bin(**changes),), table)

    return make


@pytest.fixture
def series(fitted_bin, estimates, provenance):
    labels = ["baseline", "0 to 10 min", "10 to 20 min"]
    bins = tuple(
        fitted_bin(name, 10.0 * index - 5, drift_hz=14.2 if index == 2 else 1.0)
        for index, name in enumerate(labels)
    )
    steps = (Step("RF coil combination", "32 coils, whitened"),)
    return ScanPage("sub-01_ses-1", provenance, bins, estimates(3), steps)


@pytest.mark.parametrize(
    ("failing", "said"),
    [
        ((), ""),
        ((1,), ""),
        ((0,), "without a spectrum from before the infusion that passes"),
        ((1, 2), "without a spectrum from after the infusion began that passes"),
    ],
)
def test_a_session_that_quality_excludes_is_said_not_to_enter_the_trial(
    failing, said, series, fitted_bin, read_page
):
    """Pass and doubt enter; what lacks a usable baseline or later bin tells no change."""
    bins = tuple(
        fitted_bin(one.label, one.centre_min, snr=5.0 if index in failing else 15.0)
        for index, one in enumerate(series.bins)
    )
    words = read_page(render_scan(replace(series, bins=bins))).words
    assert ("The session does not enter the trial, unless" in words) == bool(said)
    assert said in words


def test_a_session_without_a_baseline_is_not_said_to_enter_the_trial(
    series, fitted_bin, read_page
):
    later = [one for one in series.bins if one.centre_min > 0]
    bins = tuple(fitted_bin(one.label, one.centre_min, snr=15.0) for one in later)
    words = read_page(render_scan(replace(series, bins=bins))).words
    assert "doubtful spectrum enters" not in words
    assert "does not enter the trial, which takes changes from a baseline: no spectrum" in words


def test_nothing_is_said_of_the_trial_on_the_page_of_a_single_spectrum(one_bin, read_page):
    assert "does not enter the trial" not in read_page(render_scan(one_bin(snr=15.0))).words


def test_the_figure_of_an_edited_scan_is_called_the_difference(one_bin, read_page):
    said = "The difference of the edited scan, ON less OFF"
    scan = one_bin()
    assert said in read_page(render_scan(replace(scan, is_difference=True))).words
    assert said not in read_page(render_scan(scan)).words


def test_gaba_plus_of_an_edited_scan_stands_above_the_figure(one_bin, read_page):
    table = one_bin().estimates.replace({"metabolite": {"Ala": "GABA+"}})
    scan = replace(one_bin(), estimates=table)
    assert (
        "GABA+/tCr ± SD 0.087 ± 0.020"
        in read_page(render_scan(replace(scan, is_difference=True))).words
    )
    assert "GABA+/tCr" not in read_page(render_scan(scan)).words


def test_metabolites_at_zero_have_the_names_of_the_table(one_bin, read_page):
    scan = one_bin()
    fit = replace(scan.bins[0].fit, names=("NAA", "Glu", "Gln", "sIns", "MM09", "MM12"))
    scan = replace(scan, bins=(replace(scan.bins[0], fit=fit),))
    assert "At zero: sI." in read_page(render_scan(scan)).words


def test_a_page_is_balanced_and_below_six_megabytes(series, read_page):
    page = render_scan(series)
    assert read_page(page).open == []
    assert len(page.encode()) < 6e6


def test_a_page_loads_nothing_from_anywhere(series, read_page):
    page = render_scan(series)
    for tag, attributes in read_page(page).elements:
        assert tag not in {"link", "iframe", "object", "embed"}
        assert not LOADS & set(attributes), f"<{tag}> would load {attributes}"
    style = re.search(r"<style>(.*?)</style>", page, re.S).group(1)
    assert "url(" not in style
    assert "@import" not in style
    assert "default-src 'none'" in page  # the browser refuses what the plot library might try


def test_no_button_of_a_figure_uploads_its_data(series, read_page):
    # plotly.js 4 offers "Share chart...", which sends the data to a server; an explicit
    # list of buttons is the only setting that also holds for the next release.
    (own,) = [script for script in read_page(render_scan(series)).scripts if len(script) < 1e5]
    assert re.findall(r"modeBarButtons: (.*),", own) == ['[["toImage", "zoom2d", "resetScale2d"]]']
    assert "modeBarButtonsToAdd" not in own


def test_the_plot_library_is_embedded_once(series, read_page):
    scripts = read_page(render_scan(series)).scripts
    assert sum(len(script) > 1e6 for script in scripts) == 1


def test_hostile_text_stays_text(fitted_bin, estimates, read_page):
    table = estimates()
    table["metabolite"] = table["metabolite"].replace("Ala", HOSTILE)
    table["flags"] = HOSTILE
    scan = ScanPage(
        HOSTILE,
        Provenance(HOSTILE, {HOSTILE: HOSTILE}, {HOSTILE: HOSTILE}),
        (fitted_bin(HOSTILE, flags=(Flag("x", HOSTILE),)), fitted_bin(HOSTILE)),
        table,
        (Step(HOSTILE, HOSTILE),),
        acquisition={HOSTILE: HOSTILE},
        notes=(HOSTILE,),
    )
    page = render_scan(scan)
    read = read_page(page)
    assert "<script>alert" not in page
    assert not [tag for tag, _ in read.elements if tag == "img"]
    assert not [name for _, attributes in read.elements for name in attributes if name[:2] == "on"]
    assert HOSTILE in read.words


def test_a_failed_session_says_what_went_wrong_and_carries_no_plot_library(provenance, read_page):
    scan = ScanPage("sub-03", provenance, failure="x.nii.gz: 2 problems\n  - a < b\n  - c")
    page = render_scan(scan)
    assert "x.nii.gz: 2 problems - a < b - c" in read_page(page).words
    assert "✕ fail" in read_page(page).words
    assert len(page) < 50_000


def test_a_page_without_fit_and_without_reason_is_a_bug(provenance):
    with pytest.raises(ValueError, match="neither a fit nor a failure"):
        render_scan(ScanPage("sub-01", provenance))


def test_every_reason_is_in_the_box_with_its_bin(series, read_page):
    words = read_page(render_scan(series)).words
    assert "! doubtful" in words
    assert "10 to 20 min: Frequency drift is 14.2 Hz; expected at most 10 Hz." in words
    assert "Spectra: 2 pass, 1 doubtful." in words


def test_what_could_not_be_computed_is_named(one_bin, read_page):
    words = read_page(render_scan(one_bin())).words
    assert "Not computable: Transients used, Frequency drift," in words
    assert "– not computable" in words


def test_of_a_fit_that_failed_the_data_are_shown(one_bin, read_page):
    read = read_page(render_scan(one_bin(status=FitStatus.FAILED)))
    assert [trace["name"] for trace in read.figures["spectrum-0"]["data"]] == ["data"]
    assert "The fit has failed: the data could not be modelled, no values" in read.words


def test_a_session_whose_fits_all_failed_has_a_page(fitted_bin, estimates, provenance, read_page):
    bins = tuple(fitted_bin(name, 0.0, FitStatus.FAILED) for name in ("baseline", "after"))
    table = estimates(2)
    table[["amplitude", "sd", "crlb", "limit95", "ratio_tnaa", "ratio_tcr"]] = math.nan
    read = read_page(render_scan(ScanPage("sub-01", provenance, bins, table)))
    assert list(read.figures) == ["spectrum-0", "spectrum-1"]  # no time course
    assert "No estimates." in read.words
    assert "All spectra: The fit has failed" in read.words


def test_a_fit_that_has_not_converged_is_shown_and_fails(one_bin, read_page):
    read = read_page(render_scan(one_bin(status=FitStatus.NOT_CONVERGED)))
    assert "spectrum-0" in read.figures
    assert "✕ fail" in read.words


def test_figures_of_all_bins_and_the_course_are_there(series, read_page):
    read = read_page(render_scan(series))
    assert set(read.figures) == {"spectrum-0", "spectrum-1", "spectrum-2", "time-course"}
    places = {attributes.get("id"): attributes for _, attributes in read.elements}
    for name, figure in read.figures.items():
        assert places[name]["role"] == "img"
        assert places[name]["aria-label"]
        # The place is kept free before the figure is drawn, so that nothing jumps.
        assert places[name]["style"] == f"height:{figure['layout']['height']}px"


def test_missing_water_leaves_no_column(one_bin, estimates, read_page):
    assert "water-scaled" not in read_page(render_scan(one_bin())).words
    table = estimates().assign(water_molal=8.5, water_molal_sd=0.4)
    words = read_page(render_scan(one_bin(estimates=table))).words
    assert "water-scaled" in words
    assert "8.50 ± 0.40" in words


def test_an_estimate_at_zero_has_an_upper_limit_and_no_percentage(one_bin, read_page):
    words = read_page(render_scan(one_bin())).words
    assert "Lac 0 (95 % below 0.0241) 0 (95 % below 0.0392) – – 0 (95 % below 0.196)" in words


def test_doubts_are_printed_as_sentences_where_there_are_any(one_bin, estimates, read_page):
    table = estimates().assign(flags="AT_ZERO")
    assert "AT_ZERO" in read_page(render_scan(one_bin(estimates=table))).words
    table = table.assign(doubts="Lac was fitted as zero")
    words = read_page(render_scan(one_bin(estimates=table))).words
    assert "Lac was fitted as zero" in words
    assert "AT_ZERO" not in words


def test_glx_comes_first(one_bin, read_page):
    words = read_page(render_scan(one_bin())).words
    table = words[words.index("metabolite to tNAA") :]
    assert table.index("Glx") < table.index("tNAA 1.000") < table.index("Ala")


def test_provenance_and_the_research_only_sentence_are_on_every_page(one_bin, read_page):
    words = read_page(render_scan(one_bin())).words
    assert "ab" * 32 in words
    assert "glxflow 1.2.3" in words
    assert "ppm_range 0.2, 4.2 bin_step_s not set" in words
    assert "For research only, not for patient care" in words
    guide = Path(__file__).parents[2] / re.search(r"How to read it: (\S+)", words).group(1)
    assert guide.exists()


def test_the_same_records_give_the_same_page(series):
    assert render_scan(series) == render_scan(series)


def test_missing_numbers_are_printed_as_missing(one_bin, estimates, read_page):
    table = estimates()
    table.loc[table["metabolite"] == "Glx", ["ratio_tnaa", "ratio_tnaa_sd"]] = math.nan
    words = read_page(render_scan(one_bin(estimates=table))).words
    assert "Glx/tNAA ± SD n/a" in words
    assert "nan" not in words.lower().split()


def test_every_table_has_a_caption_and_row_headings(series, read_page):
    elements = [tag for tag, _ in read_page(render_scan(series)).elements]
    assert elements.count("caption") == elements.count("table") > 0
    headings = [attributes.get("scope") for tag, attributes in
                read_page(render_scan(series)).elements if tag == "th"]  # fmt: skip
    assert set(headings) == {"row", "col"}


def test_other_models_are_listed_with_their_weights(one_bin, read_page):
    ratios = {"glu_tcr": 1.21, "gln_tcr": 0.3, "glx_tcr": 1.51, "glx_tnaa": 1.1}
    rows = [
        {"choice": "as reported", "model": "", "weight": float("nan")} | ratios,
        {"choice": "baseline", "model": "half dimension", "weight": 0.25} | ratios,
    ]
    words = read_page(render_scan(replace(one_bin(), models=pd.DataFrame(rows)))).words
    assert "Choice of the model" in words
    assert "baseline: half dimension" in words
    assert "25 %" in words
    assert "Choice of the model" not in read_page(render_scan(one_bin())).words
