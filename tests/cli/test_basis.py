"""The sub-commands of ``glxflow basis``, called as a user calls them."""

import json
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from typer.testing import CliRunner

from glxflow.basis.macromolecules import with_macromolecules
from glxflow.cli.basis import app
from glxflow.errors import BasisError, ConfigError, GlxflowError
from glxflow.io.basis_files import load_basis, read_basis

SAMPLING = ["--field-mhz", "123.25", "--points", "256", "--dwell", "0.00025"]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a caller of the command line whose cache is empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def call(*arguments):
        return CliRunner().invoke(app, [str(part) for part in arguments], catch_exceptions=False)

    return call


def test_simulated_folder_holds_the_default_metabolites(run, tmp_path):
    out = tmp_path / "fsl"
    result = run(
        "simulate", "--sequence", "press", "--te", 30, "--delays", "6,15,9", "--pulses", "ideal",
        *SAMPLING, "--format", "fsl", "--out", out,
    )  # fmt: skip
    assert result.exit_code == 0
    assert len(list(out.glob("*.json"))) >= 22
    content = json.loads((out / "Cr.json").read_text())["basis"]
    # Five protons, inverted by PRESS; files hold the conjugate.
    assert content["basis_re"][0] == pytest.approx(-5, abs=1e-9)  # rounding
    assert content["basis_centre"] == 123.25


def test_sampling_is_taken_from_a_scan(run, tmp_path, write_scan, singlet):
    scan = write_scan(singlet(2.0))
    out = tmp_path / "b.nii.gz"
    run("simulate", "--like", scan, "--out", out)
    basis = load_basis(out)
    assert basis.axis.n_points == 1024
    assert basis.axis.dwell_time_s == pytest.approx(5e-4)
    assert basis.echo_time_s == 0.03
    assert "default split of TE" in basis.source


@pytest.fixture
def simulated_like(run, tmp_path, write_scan, singlet):
    """Return a caller that simulates creatine like a scan with given names of its sequence."""

    def call(names, *arguments):
        scan, out = write_scan(singlet(2.0), header=names), tmp_path / "b.nii.gz"
        result = run("simulate", "--like", scan, "--metabolites", "Cr", "--out", out, *arguments)
        return result, load_basis(out)

    return call


@pytest.mark.parametrize(
    ("names", "sequence"),
    [
        ({"SequenceName": "svs_st", "ProtocolName": "hippocampus"}, "steam"),
        ({"SequenceName": "site_copy", "ProtocolName": "PRESS_TE30"}, "press"),
    ],
)
def test_sequence_is_taken_from_a_scan(names, sequence, simulated_like):
    result, basis = simulated_like(names)
    assert basis.source.startswith(f"simulated: {sequence} ")
    assert "no sequence is named" not in result.stderr


def test_the_mixing_time_is_taken_from_a_scan(simulated_like):
    result, basis = simulated_like({"SequenceName": "svs_st", "MixingTime": 0.032})
    assert "delays 15, 32, 15 ms (default split of TE)" in basis.source
    assert result.stderr == ""
    with pytest.raises(BasisError, match=r"mixing time is 32 s, .* up to 5 s\. .*MixingTime"):
        simulated_like({"SequenceName": "svs_st", "MixingTime": 32})
    # Other sequences have none.
    assert simulated_like({"SequenceName": "svs_se", "MixingTime": 0})[1].echo_time_s == 0.03


def test_a_mixing_time_that_no_header_states_is_assumed_and_that_is_said(simulated_like):
    result, basis = simulated_like({"SequenceName": "svs_st"})
    assert "delays 15, 10, 15 ms (default split of TE, mixing time assumed)" in basis.source
    assert "the mixing time is assumed to be 10 ms" in result.stderr
    assert any("assumed to be 10 ms" in note for note in basis.notes)


def test_a_scan_that_names_no_sequence_is_taken_as_press_and_the_user_is_told(simulated_like):
    result, basis = simulated_like({"ProtocolName": "hippocampus"})
    assert basis.source.startswith("simulated: press ")
    assert "press is taken" in result.stderr


def test_the_user_decides_where_the_scan_does_not(simulated_like):
    for names in (
        {"SequenceName": "site_copy"},
        {"SequenceName": "svs_se", "ProtocolName": "STEAM"},
    ):
        assert simulated_like(names, "--sequence", "steam")[1].source.startswith(
            "simulated: steam "
        )


@pytest.mark.parametrize(
    ("names", "arguments", "message"),
    [
        ({"SequenceName": "site_copy"}, [], "SequenceName 'site_copy', is not recognised.*--sequ"),
        ({"SequenceName": "HERMES_PRESS"}, [], "'HERMES_PRESS', is not recognised.*--sequence"),
        (
            {"SequenceName": "svs_se", "ProtocolName": "STEAM"},
            [],
            "for press or steam.*--sequence",
        ),
        ({"SequenceName": "svs_st"}, ["--sequence", "press"], "is 'press', but .*steam.*'svs_st'"),
    ],
)
def test_sequences_that_are_unknown_or_contradict_are_refused(
    names, arguments, message, simulated_like
):
    with pytest.raises(ConfigError, match=message):
        simulated_like(names, *arguments)


@pytest.mark.real_data
def test_a_real_steam_scan_gets_a_steam_basis_set(run, real_data, tmp_path):
    scan = real_data / "raw_7T_steam" / "svs.nii.gz"
    run("simulate", "--like", scan, "--metabolites", "Cr", "--out", tmp_path / "b.nii.gz")
    assert load_basis(tmp_path / "b.nii.gz").source.startswith("simulated: steam ")


def test_sampling_is_taken_from_the_protocol_of_a_data_set(run, tmp_path):
    protocol = tmp_path / "protocol.json"
    protocol.write_text(
        json.dumps(
            {
                "echo_time_s": 0.035,
                "dwell_time_s": 5e-4,
                "n_points": 128,
                "spectrometer_frequency_mhz": 127.7,
                "reference_ppm": 4.7,
            }
        )
    )
    out = tmp_path / "b.nii.gz"
    run("simulate", "--like", protocol, "--sequence", "press", "--format", "nifti", "--out", out)
    basis = load_basis(out)
    assert basis.axis.reference_ppm == 4.7
    assert basis.echo_time_s == 0.035


@pytest.fixture
def steam_protocol(tmp_path):
    """The protocol of a data set whose scans say that they are STEAM."""
    protocol = {
        "echo_time_s": 0.02,
        "dwell_time_s": 5e-4,
        "n_points": 128,
        "spectrometer_frequency_mhz": 127.7,
        "reference_ppm": 4.7,
        "sequences": ["steam"],
        "mixing_time_s": 0.04,
    }
    path = tmp_path / "protocol.json"
    path.write_text(json.dumps(protocol))
    return path


def test_sequence_and_mixing_time_are_taken_from_the_protocol_of_a_data_set(
    run, tmp_path, steam_protocol
):
    out = tmp_path / "b.nii.gz"
    run("simulate", "--like", steam_protocol, "--metabolites", "Cr", "--out", out)
    source = load_basis(out).source
    assert source.startswith("simulated: steam ")
    assert "delays 10, 40, 10 ms" in source


def test_another_sequence_than_that_of_the_protocol_is_refused(run, tmp_path, steam_protocol):
    with pytest.raises(ConfigError, match=r"is 'press', but .*protocol\.json says steam.*config"):
        run(
            *("simulate", "--like", steam_protocol, "--sequence", "press"),
            *("--out", tmp_path / "b.nii.gz"),
        )


def test_two_editing_frequencies_give_a_difference(run, tmp_path):
    out = tmp_path / "b.nii.gz"
    run(
        "simulate", "--sequence", "megapress", "--delays", "5,17,17,17,12",
        "--edit-ppm", "1.9,7.5",
        "--metabolites", "GABA,Cr", *SAMPLING, "--out", out,
    )  # fmt: skip
    basis = load_basis(out)
    assert np.abs(basis.fid("Cr")).max() < 1e-6  # single precision
    assert abs(basis.fid("GABA")[0]) > 1


def test_shaped_pulses_are_simulated_once(run, tmp_path):
    arguments = [
        "simulate", "--delays", "6.5,15,8.5", "--pulses", "shaped", "--metabolites", "Cr,Glu",
        *SAMPLING, "--out",
    ]  # fmt: skip
    run(*arguments, tmp_path / "one.nii.gz")
    (cached,) = (tmp_path / "cache" / "glxflow" / "basis").iterdir()
    written = cached.stat().st_mtime_ns
    run(*arguments, tmp_path / "other.nii.gz")
    assert cached.stat().st_mtime_ns == written
    one, other = (load_basis(tmp_path / f"{name}.nii.gz") for name in ("one", "other"))
    assert np.array_equal(one.fids, other.fids)
    cached.write_bytes(b"damaged")
    run(*arguments, tmp_path / "third.nii.gz")
    assert np.array_equal(load_basis(tmp_path / "third.nii.gz").fids, one.fids)


@pytest.fixture(params=["no folder", "not readable", "no home"])
def no_cache(request, run, tmp_path, monkeypatch):
    """A caller of the command line who has no cache."""
    if request.param == "no folder":
        (tmp_path / "cache").write_text("a file where a folder should be")
    elif request.param == "not readable":
        # A cache of somebody else's, which root would read: a name no system can look up.
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ("a" * 300)))
    else:
        monkeypatch.delenv("XDG_CACHE_HOME")
        monkeypatch.setattr(Path, "home", Mock(side_effect=RuntimeError("no home directory")))
    return run


def test_a_cache_that_cannot_be_used_is_no_obstacle(no_cache, tmp_path):
    result = no_cache(
        "simulate", "--delays", "6.5,15,8.5", "--pulses", "shaped", "--metabolites", "Cr",
        *SAMPLING, "--out", tmp_path / "b.nii.gz",
    )  # fmt: skip
    assert result.exit_code == 0
    assert (tmp_path / "b.nii.gz").exists()


def test_another_protocol_has_another_place_in_the_cache(run, tmp_path):
    for delays in ("6.5,15,8.5", "7,15,8"):
        run(
            "simulate", "--delays", delays, "--pulses", "shaped", "--metabolites", "Cr", *SAMPLING,
            "--out", tmp_path / "b.nii.gz",
        )  # fmt: skip
    assert len(list((tmp_path / "cache" / "glxflow" / "basis").iterdir())) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--te", 30], "3 problems"),
        (["--te", 30, "--pulses", "square", *SAMPLING], "--pulses is 'square'"),
        (["--delays", "6;15;9", *SAMPLING], "--delays is '6;15;9'"),
        (["--te", 30, "--metabolites", "Glu,Foo", *SAMPLING], "'Foo' has no spin system"),
        (["--te", 30, "--metabolites", "", *SAMPLING], "'' has no spin system"),
        (["--te", 30, "--sequence", "fid", *SAMPLING], "'fid' is unknown"),
        (["--te", 30, "--spin-systems", "GABA", *SAMPLING], "--spin-systems is 'GABA'"),
        (["--te", 8, "--pulses", "shaped", *SAMPLING], "too short for the pulses"),
    ],
)
def test_broken_requests_name_the_option(arguments, message, run, tmp_path):
    with pytest.raises(GlxflowError, match=message):
        run("simulate", *arguments, "--out", tmp_path / "b.nii.gz")
    assert not (tmp_path / "b.nii.gz").exists()


def test_metabolites_are_named_in_any_common_spelling(run, tmp_path):
    out = tmp_path / "b.nii.gz"
    run(
        *("simulate", "--te", 30, "--metabolites", "Glu, gln,mI,gaba"),
        *("--spin-systems", "gaba=GABA_gov", *SAMPLING, "--out", out),
    )
    assert load_basis(out).names == ("Glu", "Gln", "Ins", "GABA")


def test_a_field_in_tesla_is_refused(run, tmp_path):
    result = run(
        *("simulate", "--te", 30, "--points", 256, "--dwell", 5e-4, "--field-mhz", 3),
        *("--out", tmp_path / "b.nii.gz"),
    )
    assert result.exit_code == 2
    assert "field-mhz" in result.stderr


@pytest.mark.parametrize("te", ["nan", 0.03, 1001])
def test_an_echo_time_that_is_none_in_ms_is_refused(te, run, tmp_path):
    result = run("simulate", "--te", te, *SAMPLING, "--out", tmp_path / "b.nii.gz")
    assert result.exit_code == 2
    assert "expected 1 to 1000 ms" in result.stderr
    assert not (tmp_path / "b.nii.gz").exists()


def test_an_echo_time_may_not_contradict_the_scan(simulated_like):
    assert simulated_like({}, "--te", "30.4")[1].echo_time_s == pytest.approx(0.0304)
    with pytest.raises(ConfigError, match=r"--te is 35 ms, but .* has TE 30 ms"):
        simulated_like({}, "--te", "35")


@pytest.mark.parametrize("ends", [("4.2", "0.2"), ("100", "200"), ("nan", "3")])
def test_a_range_without_points_is_refused(ends, run, tmp_path):
    out = tmp_path / "b.nii.gz"
    run("simulate", "--te", 30, "--metabolites", "Cr", *SAMPLING, "--out", out)
    with pytest.raises(ConfigError, match=r"--ppm-range is .* holds 0 points.*lower end first"):
        run("show", out, "--ppm-range", *ends, "--out", tmp_path / "page.html")


@pytest.mark.parametrize("width", ["-1", "nan", "inf"])
def test_a_line_width_that_is_none_is_refused(width, run, tmp_path):
    missing, out = tmp_path / "no.nii.gz", tmp_path / "out.nii.gz"
    for arguments in (
        ("show", missing, "--out", tmp_path / "page.html"),
        ("add-macromolecules", missing, "--nulled", missing, "--out", out),
    ):
        refused = run(*arguments, "--linewidth-hz", width)
        assert refused.exit_code == 2
        assert "is no line width" in refused.output


def test_conversion_goes_round_through_the_formats(run, tmp_path):
    first, last = tmp_path / "first.basis", tmp_path / "last.basis"
    run("simulate", "--te", 30, *SAMPLING, "--out", first)
    for source, target in [
        (first, tmp_path / "b.nii.gz"),
        (tmp_path / "b.nii.gz", tmp_path / "fsl"),
        (tmp_path / "fsl", last),
    ]:
        assert run("convert", source, target).exit_code == 0
    one, other = load_basis(first), load_basis(last)
    for name in one.names:
        scale = np.abs(one.fid(name)).max()
        assert other.fid(name) == pytest.approx(
            one.fid(name), abs=1e-6 * scale
        )  # single precision


def test_raw_files_are_converted_with_the_sampling_given(run, tmp_path):
    raw = tmp_path / "raw"
    run("simulate", "--te", 30, *SAMPLING, "--format", "raw", "--out", raw)
    run("convert", raw, tmp_path / "b.nii.gz", *SAMPLING)
    assert load_basis(tmp_path / "b.nii.gz").axis.spectrometer_frequency_mhz == 123.25


def test_page_shows_every_component_and_escapes_names(run, tmp_path):
    folder = tmp_path / "fsl"
    run(
        "simulate",
        "--te",
        30,
        "--metabolites",
        "Glu,Gln,Cr,NAA,GPC,PCh",
        *SAMPLING,
        "--out",
        folder,
    )
    content = json.loads((folder / "Glu.json").read_text())
    content["basis"]["basis_name"] = "<script>alert(1)</script>"
    (folder / "evil.json").write_text(json.dumps(content))
    run("show", folder, "--out", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "GPC and PCh" in page  # the pair that no in vivo line width resolves
    assert "phase 180 deg" in page  # PRESS inverts


def test_macromolecules_of_another_echo_time_are_refused(run, tmp_path, write_scan, singlet):
    nulled, source = write_scan(singlet(0.9)), tmp_path / "b.nii.gz"
    run("simulate", "--te", 35, "--metabolites", "Cr,NAA", *SAMPLING, "--out", source)
    with pytest.raises(BasisError, match=r"b.nii.gz: .* for TE 35 ms, but .*svs.nii.gz has TE 30"):
        run("add-macromolecules", source, "--nulled", nulled, "--out", tmp_path / "mm.nii.gz")


@pytest.mark.real_data
def test_a_real_basis_set_is_read_after_conversion(run, tmp_path, real_data):
    source = real_data / "invivo_press" / "press35_3T_philips.BASIS"
    run("convert", source, tmp_path / "b.nii.gz")
    one, other = read_basis(source), read_basis(tmp_path / "b.nii.gz")
    assert one.names == other.names
    assert other.fids == pytest.approx(one.fids, abs=1e-5)  # single precision of 12 protons


@pytest.mark.real_data
def test_measured_macromolecules_enter_a_basis_set(run, tmp_path, real_data):
    folder = real_data / "invivo_press"
    source, out = tmp_path / "b.nii.gz", tmp_path / "mm.nii.gz"
    run("simulate", "--like", folder / "te30_svs.nii.gz", "--out", source)
    run(
        "add-macromolecules", source, "--nulled", folder / "te30_metabolite-nulled_svs.nii.gz",
        "--water", folder / "te30_metabolite-nulled_mrsref.nii.gz", "--out", out,
    )  # fmt: skip
    basis = read_basis(out)
    assert [name for name in basis.names if name.startswith("MM")] == ["MM"]
    complete = with_macromolecules(basis)
    first = complete.fid("MM09")[0]
    protons = sum((complete.fid(name)[0] / first).real for name in ("MM19", "MM20", "MM23"))
    # Several resonances beside a single one: more, but no multiple of it.
    assert 1.0 < protons < 2.2
