import json

import pandas as pd
import pytest

from glxflow.cli.checklist import checklist_of
from glxflow.cli.scan_paths import listed_scans
from glxflow.errors import TableError
from glxflow.quantify import Acquisition, Timing, Tissue, WaterAmplitude, water_scaling

BINS = [{"index": 0, "n_used": 16}, {"index": 1, "n_used": 8}, {"index": 2, "n_used": 7}]
PREPARED = {
    "Status": "ok",
    "Parameters": {
        "bin_s": 300.0,
        "bin_step_s": None,
        "bin_count": None,
        "infusion_event": "infusion",
        "onset_s": 600.0,
    },
    "BinTable": BINS,
    "Metrics": {"n_transients": 32.0, "n_rejected": 1.0},
    "Steps": [
        {"method": "RF coil combination", "details": "4 coils by whitened weights."},
        {"method": "Signal averaging", "details": "3 bins."},
    ],
    "EddyCurrentCorrected": True,
    "TissueFractions": None,
}
FITTED = {
    "Status": "ok",
    "GeneratedBy": [{"Name": "glxflow", "Version": "1.2"}],
    "Parameters": {
        "ppm_range": [0.2, 4.2],
        "basis": "simulated: press",
        "basis_notes": ["default macromolecules added (MM09)"],
        "qc": {
            "snr": {"doubtful": 30.0, "fail": 8.0},
            "drift_hz": {"doubtful": None, "fail": 25.0},
        },
    },
    "NotWaterScaled": "",
    "Warnings": ["mmol per kg of tissue water; voxel of half grey"],
}
QC = {"bin": 0, "baseline_ed_per_ppm": 1.5, "reduced_chi2": 1.25, "fwhm_ppm": 0.05}


def changed(record, **changes):
    return {**record, **changes}


@pytest.fixture
def study(tmp_path):
    """Return a function that writes a study of three sessions and returns its checklist."""

    def check(
        prepared=None, fitted=None, problem="", analysis_set="qc_pass", images=("svs",), more=()
    ):
        group = tmp_path / "results" / "group"
        group.mkdir(parents=True, exist_ok=True)
        keys = [("sub-01", "ses-1"), ("sub-01", "ses-2"), ("sub-02", "ses-1")]
        scans = pd.DataFrame(keys, columns=["subject", "session"])
        scans["svs"] = [f"{one}_{two}_svs.nii.gz" for one, two in keys]
        scans["problem"] = ["", "", problem]
        scans.to_csv(group / "scans.tsv", sep="\t", index=False)
        heading = "subject\tsession\timage\tsequence_recognised\tManufacturer\n"
        lines = [f"sub-01\tses-1\t{image}\tpress\tGE\n" for image in images]
        (group / "headers.tsv").write_text(heading + "".join(lines))
        fits = {}
        for index, scan in enumerate(listed_scans(group / "scans.tsv")):
            record = scan.result(group.parent, "desc-preproc_svs.json")
            record.parent.mkdir(parents=True, exist_ok=True)
            if kept := (prepared or {}).get(index, PREPARED):
                record.write_text(json.dumps(kept))
            fits[scan] = (fitted or {}).get(index, FITTED)
        made_by = [{"Name": name, "Version": "2"} for name in ("glxflow", "numpy", "snakemake")]
        description = group.parent / "dataset_description.json"
        description.write_text(json.dumps({"GeneratedBy": made_by}))
        conditions = ["placebo", "naltrexone", "placebo"]
        sessions = scans.assign(condition=conditions, status=["used", "used", "failed"])
        qc = scans.assign(**QC, snr=[40.0, 60.0, 20.0], fwhm_hz=[5.0, 6.0, 8.0], qc_pass=[1, 1, 0])
        glx = {"metabolite": "Glx", "crlb": 0.1, "sd": [0.4, 0.8, 0.4], "amplitude": [10, 10, 0]}
        scans.assign(**glx).to_csv(group / "concentrations.tsv", sep="\t", index=False)
        tables = {"sessions": pd.concat([sessions, pd.DataFrame(more)]), "qc": qc}
        rows = checklist_of(group, fits, tables, "Glx/tNAA", analysis_set)
        return {f"{row.item} {row.name}": row.value for row in rows}

    return check


def test_every_item_of_the_paper_has_a_line_in_its_order(study):
    items = [line.split(" ")[0] for line in study()]
    letters = {"1": "abcde", "2": "abcdefghi", "3": "abcd", "4": "abcd"}
    every = [number + letter for number, of_it in letters.items() for letter in of_it]
    assert list(dict.fromkeys(items)) == every


def test_the_water_reference_follows_the_spectra_in_each_item(study):
    names = [line for line in study(images=("svs", "mrsref")) if line.startswith("2e")]
    assert names == [
        "2e Acquisitions of a scan",
        "2e i. Averaged in a spectrum",
        "2e ii. Averaging method",
        "2e iii. Spectra of a scan",
        "2e Water reference: acquisitions",
    ]


def test_quality_is_told_of_each_condition_as_median_and_range(study):
    rows = study()
    assert rows["4a SNR and line width, placebo"].startswith(
        "SNR 30.0 (20.0 to 40.0); line width 6.50 (5.00 to 8.00) Hz, 0.0500 ppm"
    )
    assert rows["4a SNR and line width, naltrexone"].startswith("SNR 60.0; line width 6.00 Hz")
    assert rows["4c Reduced chi-squared of the fit"].startswith("1.25, ")


def test_an_estimate_at_zero_has_no_percentage_and_is_counted(study):
    value = study()["4c CRLB and SD of Glx"]
    assert value.startswith("CRLB 1.00 %; SD 6.00 (4.00 to 8.00) %; median (range) over 2 spectra")
    assert value.endswith("1 without an estimate above zero have no percentage")


def test_limits_and_what_they_left_out_are_told(study):
    value = study()["4b Exclusion of spectra"]
    assert value.startswith(
        "limits: Signal to noise at least 30, fails below 8; Frequency drift fails above 25 Hz. "
        "1 of 3 spectra fail; those are left out"
    )
    assert "takes those, too (all)" in study(analysis_set="all")["4b Exclusion of spectra"]
    assert study()["4b Exclusion of sessions"].endswith(
        "3 planned or scanned sessions: 2 used, 1 failed"
    )


def test_who_has_no_session_is_not_counted_among_the_sessions(study):
    nobody = {"subject": "sub-09", "session": None, "status": "missing"}
    assert study(more=[nobody])["4b Exclusion of sessions"] == (
        "of 3 planned or scanned sessions: 2 used, 1 failed"
    )


def test_time_bins_are_told_as_they_were_filled(study):
    rows = study()
    assert rows["2e i. Averaged in a spectrum"] == (
        "baseline, transients: 16; later bins, transients: 7.5 (7 to 8); median (range) where "
        "they differ"
    )
    assert rows["2e iii. Spectra of a scan"] == "3"
    assert rows["2i Motion correction after the scan"].endswith(
        "3 of 96 transients rejected as outliers"
    )


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({}, "block-wise: all before the event 'infusion' is one bin, then bins of 300 s"),
        ({"bin_step_s": 60.0}, "then bins of 300 s that start every 60 s"),
        ({"bin_s": None, "bin_count": 8}, "then bins of 8 transients"),
        ({"onset_s": None}, "one average of the whole scan"),
    ],
)
def test_the_way_of_averaging_is_that_of_each_scan(study, parameters, words):
    record = changed(PREPARED, Parameters=PREPARED["Parameters"] | parameters)
    assert words in study(prepared=dict.fromkeys(range(3), record))["2e ii. Averaging method"]
    if parameters:
        mixed = study(prepared={1: record})["2e ii. Averaging method"]
        assert "(2 scans)" in mixed
        assert "(1 scan)" in mixed


def test_bins_that_start_as_the_last_one_ends_do_not_slide(study):
    record = changed(PREPARED, Parameters=PREPARED["Parameters"] | {"bin_step_s": 300.0})
    method = study(prepared=dict.fromkeys(range(3), record))["2e ii. Averaging method"]
    assert method.startswith("block-wise")
    assert method.endswith("then bins of 300 s")


def test_edited_scans_are_averaged_in_pairs_and_fitted_jointly(study):
    rows = study(prepared={0: changed(PREPARED, Difference="x_svs.nii.gz")})
    assert "baseline, pairs of ON and OFF: 16" in rows["2e i. Averaged in a spectrum"]
    assert "difference and sum jointly" in rows["3d Fit model"]


def test_averages_of_a_scanner_are_not_said_to_be_aligned(study):
    single = changed(PREPARED, Metrics={"n_transients": 1.0, "n_rejected": 0.0})
    name = "2i Motion correction after the scan"
    assert study(prepared={2: single})[name].endswith("not in 1 scan of a single average")
    assert study(prepared=dict.fromkeys(range(3), single))[name].startswith("none")


def test_versions_steps_and_basis_sets_that_differ_are_counted(study):
    steps = changed(PREPARED, Steps=PREPARED["Steps"][1:], EddyCurrentCorrected=False)
    other = changed(FITTED, GeneratedBy=[{"Name": "glxflow", "Version": "1.3"}])
    other["Parameters"] = FITTED["Parameters"] | {"basis": "b.basis", "basis_notes": ["turned"]}
    rows = study(prepared={0: steps}, fitted={2: other})
    assert rows["3a Analysis software"] == (
        "glxflow 1.2 (2 scans); glxflow 1.3 (1 scan) (with numpy 2)"
    )
    assert (
        "combination > Signal averaging (2 scans); Signal averaging (1 scan)"
        in (rows["3b Processing steps"])
    )
    assert "Eddy currents corrected in 2 of 3 scans" in rows["3b Processing steps"]
    assert rows["3d Basis set"] == "simulated: press (2 scans); b.basis (1 scan)"
    assert rows["3d Fit range and baseline"].startswith(
        "0.2 to 4.2 ppm; baseline of 1.50 effective dimensions per ppm"
    )
    assert rows["3d Changes of the basis set, macromolecules"] == (
        "default macromolecules added (MM09) (2 scans); turned (1 scan)"
    )


def test_steps_that_were_not_done_are_not_reported_as_done(study):
    steps = [
        {"method": "RF coil combination", "details": "Not possible: one coil."},
        {"method": "Signal averaging", "details": "Water reference: 2 of 2 averages."},
        {"method": "Eddy current correction", "details": "Not applied (check): x."},
        {"method": "Nuisance peak removal", "details": "HLSVD."},
        {"method": "Frequency and phase correction", "details": "Not referenced: x."},
    ]
    rows = study(prepared=dict.fromkeys(range(3), changed(PREPARED, Steps=steps)))
    chain, _, _ = rows["3b Processing steps"].partition(". ")
    assert chain == "Signal averaging of the water reference > Nuisance peak removal"


def test_one_spectrum_has_no_range(study):
    rows = study()
    assert rows["4a SNR and line width, naltrexone"].endswith("0.0500 ppm; of 1 spectrum")
    whole = changed(PREPARED, BinTable=[{"index": 0, "n_used": 1}])
    rows = study(prepared=dict.fromkeys(range(3), whole))
    assert rows["2e i. Averaged in a spectrum"] == "baseline, transients: 1"


def test_sessions_without_water_are_told_from_scaled_ones(study):
    rows = study(fitted={1: changed(FITTED, NotWaterScaled="no water reference: ratios only")})
    assert (
        "no water reference: ratios only (1 scan)"
        in (rows["3d Quantification reference, water and relaxation"])
    )
    assert "tissue water in 2 of 3 scans" in rows["3c Output measure"]


def test_voxels_of_their_own_tissue_are_scaled_by_one_method(study):
    timing = Timing(0.03, 2.0)
    acquired = Acquisition(timing, timing, 123.25, 1.0)
    tissues = [{"GM": 0.6, "WM": 0.3, "CSF": 0.1}, {"GM": 0.5, "WM": 0.3, "CSF": 0.2}]
    prepared, fitted = {}, {}
    for index, shares in enumerate([*tissues, tissues[0]]):
        tissue = Tissue(*shares.values())
        words = water_scaling(("Glu",), WaterAmplitude(1.0, 0.01), acquired, tissue).correction
        prepared[index] = changed(PREPARED, TissueFractions=shares)
        fitted[index] = changed(FITTED, Warnings=[words])
    rows = study(prepared, fitted)
    reference = rows["3d Quantification reference, water and relaxation"]
    assert "by its own segmentation" in reference
    assert "scan)" not in reference
    assert rows["3d Tissue in the voxel"].startswith("GM 0.600 (0.500 to 0.600), WM 0.300, CSF")


@pytest.mark.parametrize(
    ("given", "words"), [("half grey", None), ({}, None), ({"GM": "half", "WM": 0.3}, "GM n/a")]
)
def test_fractions_that_are_no_numbers_are_not_averaged(study, given, words):
    rows = study(prepared={0: changed(PREPARED, TissueFractions=given)})
    value = rows.get("3d Tissue in the voxel")
    assert value is None if words is None else value.startswith(f"{words}, WM 0.300; median")


def test_the_measures_are_described_each_by_its_own_words(study):
    value = study()["4a What SNR and line width are, with the reference peak"]
    snr, width = value.removeprefix("SNR: ").split(" Line width: ")
    assert "SD of the noise" in snr
    assert "half" in width


def test_scans_that_failed_or_are_another_measurement_are_not_among_the_analysed(study):
    failed = {"Status": "failed", "Stage": "fit", "Error": "x"}
    for rows in (study(fitted={2: failed}), study(problem="x_svs.nii.gz: another sequence")):
        assert "tissue water in 2 of 2 scans" in rows["3c Output measure"]


def test_time_bins_are_those_of_the_scans_that_were_fitted(study):
    """Here the fit failed of the one with other bins."""
    other = changed(PREPARED, BinTable=BINS[:1])
    rows = study(prepared={2: other}, fitted={2: {"Status": "failed"}})
    assert rows["2e iii. Spectra of a scan"] == "3"
    assert rows["2i Motion correction after the scan"].startswith("frequency and phase")
    assert "2 of 64 transients rejected" in rows["2i Motion correction after the scan"]


def test_of_fits_without_a_record_of_preprocessing_nothing_is_told(study):
    """As where a scan was fitted by hand: what became of its transients is not known."""
    rows = study(prepared={1: None})
    assert "2 of 64 transients rejected" in rows["2i Motion correction after the scan"]
    assert "tissue water in 2 of 2 scans" in rows["3c Output measure"]


def test_without_any_record_of_preprocessing_the_headers_alone_are_told(study):
    rows = study(prepared=dict.fromkeys(range(3)))
    assert {name.split(" ")[0][0] for name in rows} == {"1", "2"}


def test_headers_of_an_earlier_version_are_asked_for(tmp_path):
    with pytest.raises(
        TableError, match=r"headers\.tsv: no such table.*glxflow validate BIDS_DIR"
    ):
        checklist_of(tmp_path, {}, {}, "Glx/tNAA", "qc_pass")
