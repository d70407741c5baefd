import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from glxflow.errors import DataError
from glxflow.io.nifti_mrs import read_series
from glxflow.preprocess import metrics
from glxflow.preprocess.bins import BinPlan
from glxflow.preprocess.pipeline import duration_s, preprocess
from glxflow.preprocess.records import PreprocessOptions
from glxflow.spectrum import NOT_DONE, Axis, Series

WHOLE = BinPlan(None)
CHECK = PreprocessOptions()
NEVER = PreprocessOptions(eddy_current="never")


def run(session, plan=WHOLE, options=CHECK):
    return preprocess(session.series, session.water, plan, options)


def test_a_session_comes_out_on_the_ppm_scale_in_phase_and_without_water(
    make_session, session_axis
):
    session = make_session(np.random.default_rng(1), snr=20.0, drift_hz=8.0)
    average = np.asarray(run(session).average.samples)
    spectrum = np.fft.fftshift(np.fft.fft(average))
    near_naa = np.abs(session_axis.ppm - 2.008) < 0.1
    top = np.flatnonzero(near_naa)[np.abs(spectrum[near_naa]).argmax()]
    assert session_axis.ppm[top] == pytest.approx(2.008, abs=0.008)  # one bin
    early = slice(1, 200)
    turn = np.angle(np.vdot(session.clean[early], average[early]))
    # What stands beside the singlets (Glx, macromolecules) turns their comb by a few degrees.
    assert np.degrees(turn) == pytest.approx(0, abs=8)
    assert metrics.water_residual(average, session_axis) < 0.1  # was above 6


def test_the_average_reaches_the_signal_to_noise_of_perfect_alignment(make_session, session_axis):
    session = make_session(np.random.default_rng(2), n_transients=128, drift_hz=10.0)
    found = run(session)
    noise = np.random.default_rng(3).normal(size=(2, session_axis.n_points))
    single = session.clean + (noise[0] + 1j * noise[1]) * 1e-9
    height = np.abs(np.fft.fft(single)).max()
    scale = np.linalg.norm(session.sensitivity)
    spectrum = np.fft.fft(found.average.samples)
    # 97 % for the coils, and 2 % for the noise of the average in its own peak.
    assert np.abs(spectrum).max() / scale > 0.95 * height
    assert found.metrics["drift_hz"] == pytest.approx(9.0, abs=1.0)  # 90 % of a range of 10
    # Single transients of SNR 8 are read within 0.2 Hz; four of it.
    drift_hz = found.offset_hz - found.offset_hz.mean()
    np.testing.assert_allclose(drift_hz, session.offset_hz - session.offset_hz.mean(), atol=0.8)


def test_a_drift_of_20_hz_neither_widens_lines_nor_costs_signal(make_session):
    still, drifting = (
        run(make_session(np.random.default_rng(28), n_transients=64, drift_hz=drift_hz))
        for drift_hz in (0.0, 20.0)
    )
    assert drifting.metrics["drift_hz"] == pytest.approx(18, abs=1)  # 90 % of a range of 20
    # Noise of the mean in its own peak, and in the estimate of the noise: 3 %.
    assert drifting.metrics["snr"] == pytest.approx(still.metrics["snr"], rel=0.03)
    # Lines of 5 Hz; the width of one is read within 5 %. Unaligned, they would be 20 Hz wide.
    assert drifting.metrics["fwhm_hz"] == pytest.approx(5.0, rel=0.06)
    assert drifting.metrics["water_residual"] < 0.1


@pytest.mark.parametrize(("snr", "is_doubted"), [(2.0, True), (5.0, False)])
def test_transients_too_faint_to_be_aligned_are_doubted(make_session, snr, is_doubted):
    session = make_session(np.random.default_rng(29), n_transients=64, snr=snr)
    found = run(session)
    assert ("faint_transients" in [flag.code for flag in found.flags]) is is_doubted
    if not is_doubted:  # noise of the mean in its own peak: 1 / 40 of it; coils cost 1 %
        assert found.metrics["snr_transient"] == pytest.approx(snr, rel=0.1)


def test_every_step_is_recorded_with_its_effect(make_session):
    session = make_session(np.random.default_rng(4))
    found = run(session)
    assert [step.method for step in found.steps] == [
        "RF coil combination",
        "Frequency and phase correction",
        "Rejection of outliers",
        "Eddy current correction",
        "Nuisance peak removal",
        "Frequency and phase correction",
        "Signal averaging",
    ]
    assert all("SNR" in step.details and "line width" in step.details for step in found.steps)


@pytest.mark.parametrize(("offset_ppm", "phase_rad"), [(0.0, 3.0), (0.3, 0.0)])
def test_steps_say_the_same_of_data_that_are_turned(make_session, offset_ppm, phase_rad):
    session = make_session(np.random.default_rng(42), snr=40.0)
    axis = session.series.axis
    turn = 2 * np.pi * offset_ppm * axis.spectrometer_frequency_mhz * axis.time_s + phase_rad
    found = preprocess(
        session.remake(session.series.samples * np.exp(1j * turn)),
        session.remake(session.water.samples * np.exp(1j * turn)),
        WHOLE,
        CHECK,
    )
    plain = run(session)
    # Phases are relative to their mean on the circle, so that none of them wraps.
    np.testing.assert_allclose(found.phase_rad, plain.phase_rad, atol=0.02)
    assert np.angle(np.exp(1j * plain.phase_rad).sum()) == pytest.approx(0, abs=1e-9)
    last = f"After it: SNR {found.metrics['snr']:.1f}, line width {found.metrics['fwhm_hz']:.2f}"
    assert last in found.steps[-1].details


def test_bins_follow_the_infusion(make_session):
    session = make_session(np.random.default_rng(5), n_transients=30, repetition_s=2.0)
    found = run(session, BinPlan(infusion_onset_s=20.0, width_s=15.0))
    assert [row.index for row in found.bin_table] == [0, 1, 2, 3]
    assert [row.start_s for row in found.bin_table] == [-20.0, 0.0, 15.0, 30.0]
    # Onsets every 2 s: 0..18 before; 20..34, 36..48, 50..58 after.
    assert [row.n_used + row.n_rejected for row in found.bin_table] == [10, 8, 7, 5]
    np.testing.assert_allclose(found.bins.onset_s, [0.0, 20.0, 35.0, 50.0])
    assert found.bins.samples.shape == (1, 4, 2048)


def test_bins_are_the_means_of_their_transients(make_session):
    session = make_session(np.random.default_rng(6), n_transients=20)
    found = run(session, BinPlan(infusion_onset_s=20.0, width_s=100.0))
    transients = found.transients.samples[0]
    keep = np.setdiff1d(np.arange(10, 20), found.rejected)
    np.testing.assert_allclose(found.bins.samples[0, 1], transients[keep].mean(axis=0))


def test_a_stopped_session_gives_the_bins_it_has(make_session):
    session = make_session(np.random.default_rng(7), n_transients=13)
    found = run(session, BinPlan(infusion_onset_s=10.0, width_s=10.0))
    assert [row.n_used + row.n_rejected for row in found.bin_table] == [5, 5, 3]


def test_a_pause_within_a_bin_leaves_a_doubt_of_its_time(make_session):
    session = make_session(np.random.default_rng(7), n_transients=24)
    # Every 2 s; within the first bin after the infusion the scan pauses for 20 s.
    onset_s = session.series.onset_s + 20.0 * (np.arange(24) >= 14)
    paused = replace(session.series, onset_s=onset_s)
    plan = BinPlan(infusion_onset_s=20.0, width_s=28.0)
    assert run(session, plan).flags == ()
    (flag,) = preprocess(paused, session.water, plan, CHECK).flags
    assert flag.code == "bins_off_middle"
    assert "time bin 1 (-10 s)" in flag.message


def test_a_bin_without_transients_is_counted_and_said(make_session):
    session = make_session(np.random.default_rng(7), n_transients=24)
    # 10 transients before, then a pause of 40 s: the first bin of 28 s is empty.
    onset_s = session.series.onset_s + 40.0 * (np.arange(24) >= 10)
    paused = replace(session.series, onset_s=onset_s)
    found = preprocess(paused, session.water, BinPlan(20.0, width_s=28.0), CHECK)
    assert [row.index for row in found.bin_table] == [0, 2, 3]
    (flag,) = [flag for flag in found.flags if flag.code == "empty_bins"]
    assert flag.message.startswith("1 of 4 time bins hold no usable transient")


def test_motion_corrupted_transients_are_counted_and_left_out(make_session):
    session = make_session(np.random.default_rng(8), n_transients=60, snr=15.0)
    samples = session.series.samples.copy()
    samples[:, [7, 30]] *= 0.2
    found = preprocess(session.remake(samples), session.water, WHOLE, CHECK)
    assert found.rejected == (7, 30)
    counts = ("n_transients", "n_used", "n_rejected")
    assert [found.metrics[name] for name in counts] == [60, 58, 2]
    assert found.metrics["n_rejected"] == 2
    assert found.bin_table[0].n_rejected == 2


def test_more_spoilt_transients_than_good_ones_are_doubted(make_session):
    session = make_session(np.random.default_rng(8), n_transients=40)
    samples = session.series.samples.copy()
    samples[:, 16:] *= 0.5
    (flag,) = preprocess(session.remake(samples), session.water, WHOLE, CHECK).flags
    assert flag.code == "amplitudes_scatter"
    assert "beyond noise (limit 12 %)" in flag.message


def test_a_block_with_lipid_is_left_out(make_session, session_axis):
    session = make_session(np.random.default_rng(9), n_transients=60, snr=15.0)
    samples = session.series.samples.copy()
    lipid = 15 * np.exp((2j * np.pi * session_axis.hz(1.3) - 20 * np.pi) * session_axis.time_s)
    samples[:, 40:52] += session.sensitivity[:, np.newaxis, np.newaxis] * lipid
    found = preprocess(session.remake(samples), session.water, WHOLE, CHECK)
    assert found.rejected == tuple(range(40, 52))
    assert found.flags == ()


def test_a_physiological_response_is_never_rejected(make_session, session_axis):
    clean = make_session(np.random.default_rng(0)).clean
    glx = (
        0.3 * 1.5 * np.exp((2j * np.pi * session_axis.hz(2.34) - 6 * np.pi) * session_axis.time_s)
    )
    # Glx up by 30 % in the second half, with next to no noise.
    signal = clean + np.repeat([0.0, 1.0], 40)[:, np.newaxis] * glx
    session = make_session(
        np.random.default_rng(10), n_transients=80, snr=200.0, signal=signal, water_residual=0.0
    )
    assert run(session).rejected == ()


def test_eddy_currents_are_corrected_where_they_are_in_the_metabolites(make_session):
    session = make_session(np.random.default_rng(11), eddy_rad=2.0, snr=40.0)
    corrected, left = run(session), run(session, options=NEVER)
    assert corrected.metrics["eddy_gain"] > 0
    assert corrected.metrics["comb_match"] > left.metrics["comb_match"]


def test_the_last_bin_of_stored_averages_ends_with_the_last_of_them(make_session):
    session = make_session(np.random.default_rng(23), n_transients=10, repetition_s=60.0)
    averages = replace(session.series, repetition_time_s=2.0)  # 30 in each
    plan = BinPlan(infusion_onset_s=240.0, count=3)
    table = preprocess(averages, session.water, plan, CHECK).bin_table
    assert [row.stop_s for row in table] == [0.0, 180.0, 360.0]


@pytest.mark.parametrize(
    ("onset_s", "repetition_time_s", "expected"),
    [
        ([0.0, 2.0, 4.0, 90.0], 2.0, 2.0),  # a pause
        ([0.0, 60.0, 120.0], np.nan, 60.0),
        ([0.0, 1.9, 3.8], 2.0, 2.0),  # onsets that were rounded
        ([0.0], np.nan, 1.024),
    ],
)
def test_a_transient_lasts_for_tr_or_the_distance_of_onsets(
    session_axis, onset_s, repetition_time_s, expected
):
    assert duration_s(np.array(onset_s), repetition_time_s, session_axis) == expected


@pytest.mark.parametrize("n_water", [800, 2048])
def test_eddy_currents_are_taken_off_where_the_reference_has_another_length(make_session, n_water):
    session = make_session(np.random.default_rng(11), eddy_rad=2.0, snr=40.0)
    water = replace(
        session.water,
        samples=session.water.samples[..., :n_water],
        axis=replace(session.water.axis, n_points=n_water),
    )
    n_points = 1500
    series = replace(
        session.series,
        samples=session.series.samples[..., :n_points],
        axis=replace(session.series.axis, n_points=n_points),
    )
    found = preprocess(series, water, WHOLE, CHECK)
    left = preprocess(series, water, WHOLE, NEVER)
    assert found.eddy_corrected
    assert found.metrics["comb_match"] > left.metrics["comb_match"]


@pytest.mark.parametrize(("n_coils", "is_corrected"), [(1, False), (8, True)])
def test_small_eddy_currents_are_corrected_in_raw_data_only(make_session, n_coils, is_corrected):
    session = make_session(np.random.default_rng(22), n_coils=n_coils, eddy_rad=0.15, snr=40.0)
    found = run(session)
    assert abs(found.metrics["eddy_gain"]) < 0.02  # too small to tell
    (step,) = (step for step in found.steps if step.method == "Eddy current correction")
    assert step.details.startswith("Applied") is is_corrected


def test_eddy_currents_only_in_the_water_are_left_alone(make_session):
    session = make_session(np.random.default_rng(12), snr=40.0)
    turn = np.exp(2j * np.exp(-session.water.axis.time_s / 0.05))
    water = session.remake(session.water.samples * turn)
    checked = preprocess(session.series, water, WHOLE, CHECK)
    plain = preprocess(session.series, session.water, WHOLE, NEVER)
    assert checked.metrics["eddy_gain"] < 0
    assert checked.metrics["comb_match"] == pytest.approx(plain.metrics["comb_match"], abs=1e-3)


@pytest.mark.parametrize("has_water", [True, False])
@pytest.mark.parametrize("n_coils", [1, 8])
def test_conjugated_data_are_refused(make_session, has_water, n_coils):
    session = make_session(np.random.default_rng(13), n_coils=n_coils)
    series = session.remake(session.series.samples.conj())
    water = session.remake(session.water.samples.conj()) if has_water else None
    with pytest.raises(DataError, match="stand mirrored"):
        preprocess(series, water, WHOLE, CHECK)


def test_data_that_run_backwards_in_time_are_refused(make_session):
    session = make_session(np.random.default_rng(15))
    with pytest.raises(DataError, match="run backwards in time"):
        preprocess(session.remake(session.series.samples[:, :, ::-1]), None, WHOLE, CHECK)


@pytest.mark.real_data
@pytest.mark.parametrize("scan", ["invivo_press/te30_", "invivo_press/te35_", "raw_7T_steam/"])
def test_real_data_that_run_backwards_in_time_are_refused(real_data, scan):
    series = read_series(real_data / f"{scan}svs.nii.gz")
    with pytest.raises(DataError, match="run backwards in time"):
        preprocess(replace(series, samples=series.samples[:, :, ::-1]), None, WHOLE, CHECK)


def test_data_with_a_wrong_reference_are_not_taken_for_conjugated(make_session):
    session = make_session(np.random.default_rng(14), drift_hz=0.0)
    axis = session.series.axis
    moved = session.series.samples * np.exp(
        2j * np.pi * 0.17 * axis.spectrometer_frequency_mhz * axis.time_s
    )
    found = preprocess(session.remake(moved), session.water, WHOLE, CHECK)
    # GE data converted by some versions stand 0.17 ppm off; found and mended.
    assert found.metrics["offset_ppm"] == pytest.approx(0.17, abs=0.01)


def test_water_with_another_coil_order_is_found_out(make_session):
    session = make_session(np.random.default_rng(15))
    water = session.remake(session.water.samples[::-1])
    found = preprocess(session.series, water, WHOLE, CHECK)
    assert "water_coils_differ" in [flag.code for flag in found.flags]
    assert found.metrics["coil_efficiency"] == pytest.approx(1, abs=1e-6)  # its own weights
    assert found.water is None
    assert not found.eddy_corrected
    details = [step.details for step in found.steps]
    assert any("Not possible: the water reference is not used" in text for text in details)


def test_dead_coils_are_flagged(make_session):
    session = make_session(np.random.default_rng(16))
    samples = session.series.samples.copy()
    samples[3] = 0
    found = preprocess(session.remake(samples), session.water, WHOLE, CHECK)
    assert [flag.code for flag in found.flags] == ["dead_coils"]
    assert "counted from 0: 3" in found.steps[0].details


def test_a_coil_that_is_dead_in_the_water_alone_moves_no_concentration(make_session):
    session = make_session(np.random.default_rng(16), snr=60.0)
    weakened = session.water.samples.copy()
    weakened[np.abs(session.sensitivity).argmax()] = 0

    def height(water):
        found = preprocess(session.series, session.remake(water), WHOLE, CHECK)
        naa = np.abs(np.fft.fft(found.average.samples)).max()
        return naa / np.abs(np.fft.fft(found.water.samples)).max(), found.flags

    whole, _ = height(session.water.samples)
    part, flags = height(weakened)
    assert part == pytest.approx(whole, rel=0.02)  # noise: NAA has an SNR of 340
    assert [flag.code for flag in flags] == ["dead_coils"]


def test_a_tumour_of_wide_lines_has_a_doubtful_phase(make_session, session_axis):
    table = ((2.008, 0.2), (3.027, 0.4), (3.913, 0.26), (3.212, 1.2))
    hz = np.array([session_axis.hz(ppm) for ppm, _ in table])
    decays = np.exp(np.outer(2j * np.pi * hz - 15 * np.pi, session_axis.time_s))
    tumour = 3 * np.array([area for _, area in table]) @ decays
    session = make_session(np.random.default_rng(42), snr=100.0, signal=tumour)
    assert "phase_uncertain" in [flag.code for flag in run(session).flags]


@pytest.mark.parametrize("n_coils", [1, 4])
def test_a_metabolite_scan_in_place_of_the_water_is_not_used(make_session, n_coils):
    session = make_session(np.random.default_rng(40), n_coils=n_coils, eddy_rad=0.5)
    found = preprocess(session.series, session.series, WHOLE, CHECK)
    (flag,) = found.flags
    assert flag.code == "water_is_suppressed"
    assert "expected 60 times or more" in flag.message
    assert found.water is None
    assert not found.eddy_corrected


def test_water_and_spectra_that_were_exchanged_are_said_to_be(make_session):
    session = make_session(np.random.default_rng(41))
    flags = preprocess(session.water, session.series, WHOLE, CHECK).flags
    (flag,) = (flag for flag in flags if flag.code == "water_is_suppressed")
    assert "perhaps exchanged for the reference" in flag.message


def test_a_broad_water_reference_is_used_and_said_to_be(make_session):
    session = make_session(np.random.default_rng(43))
    broader = np.exp(-np.pi * 50.0 * session.water.axis.time_s)
    water = session.remake(session.water.samples * broader)
    found = preprocess(session.series, water, WHOLE, CHECK)
    (flag,) = found.flags
    assert flag.code == "water_is_broad"
    assert "expected at most 35 Hz" in flag.message
    assert found.water is not None


def clipped(series, share):
    """Return a series as a receiver of too small a range stores it."""
    limit = share * max(np.abs(series.samples.real).max(), np.abs(series.samples.imag).max())
    real, imaginary = (
        np.clip(part, -limit, limit) for part in (series.samples.real, series.samples.imag)
    )
    return replace(series, samples=real + 1j * imaginary)


@pytest.mark.parametrize("n_coils", [1, 4])
def test_saturated_water_is_not_used(make_session, n_coils):
    session = make_session(np.random.default_rng(39), n_coils=n_coils, eddy_rad=0.5)
    coils = [clipped(session.remake(coil[np.newaxis]), 0.6) for coil in session.water.samples]
    water = session.remake(np.concatenate([coil.samples for coil in coils]))
    found = preprocess(session.series, water, WHOLE, CHECK)
    assert [flag.code for flag in found.flags] == ["water_saturated"]
    assert found.water is None
    assert not found.eddy_corrected


def test_water_that_one_of_several_coils_clips_is_used_without_it(make_session):
    session = make_session(np.random.default_rng(43), n_coils=4)
    samples = session.water.samples.copy()
    samples[1] = clipped(session.remake(samples[1:2]), 0.6).samples[0]
    found = preprocess(session.series, session.remake(samples), WHOLE, CHECK)
    assert found.water is not None
    assert [flag.code for flag in found.flags] == ["saturated_coils"]


def test_one_coil_that_clips_is_flagged_and_kept(make_session):
    session = make_session(np.random.default_rng(40), n_coils=1, phase_sd_rad=0.0)
    found = preprocess(clipped(session.series, 0.7), session.water, WHOLE, CHECK)
    assert [flag.code for flag in found.flags] == ["saturated_coils"]


def test_an_average_of_the_scanner_passes_and_says_what_was_not_possible(make_session):
    session = make_session(np.random.default_rng(17), n_coils=1, n_transients=1, snr=60.0)
    found = preprocess(session.series, None, WHOLE, CHECK)
    impossible = [step.method for step in found.steps if "Not possible" in step.details]
    assert impossible == [
        "RF coil combination",
        "Frequency and phase correction",
        "Rejection of outliers",
        "Eddy current correction",
    ]
    # By its first words a checklist tells what was not done.
    assert all(step.details.startswith(NOT_DONE) for step in found.steps[:4])
    assert np.isnan(found.metrics["drift_hz"])
    assert found.water is None


def test_noise_alone_is_neither_referenced_nor_phased(make_session, session_axis):
    rng = np.random.default_rng(18)
    noise = rng.normal(size=(2, 16, session_axis.n_points, 2)) @ [1, 1j]
    found = preprocess(make_session(rng).remake(noise), None, WHOLE, CHECK)
    assert "not_referenced" in [flag.code for flag in found.flags]


def test_an_infusion_outside_the_scan_is_an_error(make_session):
    session = make_session(np.random.default_rng(19))
    with pytest.raises(DataError, match="starts at 900 s but the transients run from 0 to 62 s"):
        run(session, BinPlan(infusion_onset_s=900.0, width_s=10.0))


def test_a_result_does_not_depend_on_the_scale_or_phase_of_the_data(make_session):
    session = make_session(np.random.default_rng(20))
    turned = session.remake(session.series.samples * 1e-6 * np.exp(1.3j))
    one = run(session).average.samples
    other = preprocess(turned, session.water, WHOLE, CHECK).average.samples
    # Rounding, and coil weights that see another scale of noise.
    np.testing.assert_allclose(other * 1e6, one, atol=1e-6 * np.abs(one).max())


def test_memory_stays_below_the_raw_data(make_session):
    session = make_session(np.random.default_rng(21), n_coils=32, n_transients=64)
    tracemalloc.start()
    run(session)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # Coils are combined without a copy of them; the target is three times the raw array.
    assert peak < session.series.samples.nbytes


@pytest.mark.real_data
def test_real_raw_7t_data_gain_over_water_weights_without_alignment(real_data):
    folder = real_data / "raw_7T_steam"
    found = preprocess(
        read_series(folder / "svs.nii.gz"), read_series(folder / "mrsref.nii.gz"), WHOLE, CHECK
    )
    assert found.metrics["snr"] >= found.metrics["snr_raw"]
    assert found.metrics["fwhm_hz"] <= found.metrics["fwhm_hz_raw"]
    assert abs(found.metrics["offset_ppm"]) < 0.05  # the vendor's own reference is near


@pytest.mark.real_data
@pytest.mark.parametrize(("scan", "is_corrected"), [("te30", False), ("te35", True)])
def test_real_scanner_averages_are_corrected_for_eddy_currents_only_where_it_helps(
    real_data, scan, is_corrected
):
    folder = real_data / "invivo_press"
    series = read_series(folder / f"{scan}_svs.nii.gz")
    found = preprocess(series, read_series(folder / f"{scan}_mrsref.nii.gz"), WHOLE, CHECK)
    assert (found.metrics["eddy_gain"] > 0.02) is is_corrected
    assert found.metrics["comb_match"] > 0.75  # both are clean spectra of brain


@pytest.mark.real_data
@pytest.mark.parametrize("offset_ppm", [-0.25, -0.16, 0.16, 0.25])
def test_a_frequency_offset_changes_no_decision_about_eddy_currents(real_data, offset_ppm):
    # Residual water 27 times as tall as NAA: a shifted band cut it in another place.
    folder = real_data / "invivo_press"
    series = read_series(folder / "te35_svs.nii.gz")
    water = read_series(folder / "te35_mrsref.nii.gz")
    axis = series.axis
    turn = np.exp(2j * np.pi * offset_ppm * axis.spectrometer_frequency_mhz * axis.time_s)
    moved = replace(series, samples=series.samples * turn)
    plain, found = (preprocess(one, water, WHOLE, CHECK) for one in (series, moved))
    assert found.metrics["eddy_gain"] == pytest.approx(plain.metrics["eddy_gain"], abs=0.01)
    assert found.eddy_corrected is plain.eddy_corrected


@pytest.mark.real_data
@pytest.mark.parametrize("scan", ["invivo_press/te30_", "invivo_press/te35_", "raw_7T_steam/"])
@pytest.mark.parametrize("has_water", [True, False])
def test_real_scans_are_refused_when_conjugated_and_only_then(real_data, scan, has_water):
    series = read_series(real_data / f"{scan}svs.nii.gz")
    water = read_series(real_data / f"{scan}mrsref.nii.gz") if has_water else None
    preprocess(series, water, WHOLE, CHECK)
    mirrored = replace(series, samples=series.samples.conj())
    mirrored_water = water and replace(water, samples=water.samples.conj())
    with pytest.raises(DataError, match="stand mirrored"):
        preprocess(mirrored, mirrored_water, WHOLE, CHECK)


def test_a_scan_whose_end_was_stored_as_zeros_is_used_as_far_as_it_goes(make_session):
    session = make_session(np.random.default_rng(23), n_transients=40)
    samples = session.series.samples.copy()
    samples[:, 12:] = 0
    plan = BinPlan(infusion_onset_s=10.0, width_s=10.0)
    stopped = preprocess(session.remake(samples), session.water, plan, CHECK)
    short = preprocess(session.remake(samples[:, :12]), session.water, plan, CHECK)
    np.testing.assert_allclose(stopped.bins.samples, short.bins.samples)
    assert "silent_transients" in [flag.code for flag in stopped.flags]
    assert stopped.metrics["n_transients"] == 12


def test_a_scan_of_zeros_is_an_error(make_session):
    session = make_session(np.random.default_rng(24))
    with pytest.raises(DataError, match="every one of 32 transients is zero"):
        preprocess(session.remake(session.series.samples * 0), None, WHOLE, CHECK)


def test_transients_that_start_with_zeros_are_not_taken_for_silent_ones(make_session):
    session = make_session(np.random.default_rng(39), n_transients=12)
    samples = session.series.samples.copy()
    samples[:, :, :20] = 0  # 10 ms, as a filter's delay
    samples[:, 9:] = 0
    found = preprocess(session.remake(samples), None, WHOLE, CHECK)
    assert found.metrics["n_transients"] == 9


@pytest.mark.parametrize("n_coils", [1, 8])
def test_zero_filled_transients_are_not_taken_for_dead_coils(make_session, n_coils):
    session = make_session(np.random.default_rng(25), n_coils=n_coils)
    samples = session.series.samples.copy()
    samples[:, :, 1024:] = 0
    found = preprocess(session.remake(samples), session.water, WHOLE, CHECK)
    assert found.flags == ()
    assert found.metrics["coil_efficiency"] > 0.97


def test_an_empty_water_reference_is_an_error(make_session):
    session = make_session(np.random.default_rng(26))
    water = session.remake(session.water.samples * 0)
    with pytest.raises(DataError, match="every sample of its water reference is zero"):
        preprocess(session.series, water, WHOLE, CHECK)


def test_a_water_reference_with_the_wrong_sign_is_doubted(make_session):
    session = make_session(np.random.default_rng(27))
    water = session.remake(session.water.samples.conj())
    found = preprocess(session.series, water, WHOLE, CHECK)
    assert "water_coils_differ" in [flag.code for flag in found.flags]
    assert found.water is None


@pytest.mark.parametrize("offset_ppm", [-0.3, 0.3])
def test_a_frequency_offset_moves_the_bands_of_water_and_reference_with_it(offset_ppm):
    axis = Axis(2048, 5e-4, 123.25, 4.65)
    lines = {2.008: 30.0, 3.027: 24.0, 3.21: 15.0, 4.1: 5.0, 4.66: 60j, 4.75: -40.0}
    decay = np.exp(-np.pi * 6.0 * axis.time_s)
    signal = sum(
        size * np.exp(2j * np.pi * axis.hz(ppm) * axis.time_s) * decay
        for ppm, size in lines.items()
    )
    rng = np.random.default_rng(4)
    signal = signal + rng.normal(scale=0.3, size=(2, 2048)).T @ [1, 1j]
    turn = np.exp(2j * np.pi * offset_ppm * axis.spectrometer_frequency_mhz * axis.time_s)
    clean = [
        preprocess(
            Series(one[np.newaxis, np.newaxis], axis, np.zeros(1), 0.035, 2.0), None, WHOLE, CHECK
        ).average.spectrum
        for one in (signal, signal * turn)
    ]
    inside = (axis.ppm > 0.5) & (axis.ppm < 4.2)
    difference = np.abs(clean[1] - clean[0])[inside].max()
    # The SD of the noise: NAA is 200 times as high, the line at 4.1 ppm 40 times.
    assert difference < 0.3 * np.sqrt(2048)


@pytest.mark.parametrize("offset_ppm", [-0.3, 0.3])
def test_a_frequency_offset_moves_no_figure_of_quality(make_session, offset_ppm):
    session = make_session(np.random.default_rng(41), snr=40.0)
    axis = session.series.axis
    turn = np.exp(2j * np.pi * offset_ppm * axis.spectrometer_frequency_mhz * axis.time_s)
    plain = run(session)
    moved = preprocess(
        session.remake(session.series.samples * turn),
        session.remake(session.water.samples * turn),
        WHOLE,
        CHECK,
    )
    shift_ppm = moved.metrics["offset_ppm"] - plain.metrics["offset_ppm"]
    assert shift_ppm == pytest.approx(offset_ppm, abs=0.003)
    keys = ("snr_raw", "fwhm_hz_raw", "snr_transient", "snr", "fwhm_hz")
    for key in keys:
        # Noise is told from other points, and in a few hundred of them to 4 %.
        assert moved.metrics[key] == pytest.approx(plain.metrics[key], rel=0.1), key
    for key in ("water_residual_raw", "water_residual"):
        assert moved.metrics[key] == pytest.approx(plain.metrics[key], rel=0.05, abs=0.03), key


def test_water_of_another_scanner_is_refused(make_session):
    session = make_session(np.random.default_rng(36))
    axis = replace(session.water.axis, spectrometer_frequency_mhz=127.7)
    with pytest.raises(DataError, match=r"127\.700 MHz, the spectra at 123"):
        preprocess(session.series, replace(session.water, axis=axis), WHOLE, CHECK)


def test_a_water_reference_is_averaged_at_one_frequency_and_its_bad_parts_left_out(make_session):
    session = make_session(np.random.default_rng(37), eddy_rad=0.5)
    alone = run(session)
    axis, single = session.water.axis, session.water.samples
    beat = single * np.exp(2j * np.pi * 5.0 * axis.time_s + 1j)
    water = session.remake(np.concatenate([single, beat, 0 * single], axis=1))
    found = preprocess(session.series, water, WHOLE, CHECK)
    np.testing.assert_allclose(found.water.samples, alone.water.samples, atol=1e-6 * 3e3)
    assert [flag.code for flag in found.flags] == ["water_averages_differ"]
    assert "1 of 3 averages of the water reference (counted from 0: 2)" in found.flags[0].message
    assert "2 of 3 averages, moved by up to 5.00 Hz" in found.steps[1].details


def test_a_water_reference_before_its_steady_state_is_left_out_and_said(make_session):
    session = make_session(np.random.default_rng(37))
    single = session.water.samples
    water = session.remake(np.concatenate([1.24 * single, single, single, 0 * single], axis=1))
    found = preprocess(session.series, water, WHOLE, CHECK)
    codes = [flag.code for flag in found.flags]
    assert codes == ["water_averages_differ"]
    assert "1 of 4 averages of the water reference (counted from 0: 3)" in found.flags[0].message
    assert "2 of 4 averages, moved by" in found.steps[1].details
    assert "The first one has 1.54 times the energy of the others" in found.steps[1].details
    np.testing.assert_allclose(found.water.samples, run(session).water.samples, atol=1e-6 * 3e3)


def test_of_two_water_references_either_may_be_the_odd_one(make_session):
    session = make_session(np.random.default_rng(37))
    single = session.water.samples
    water = session.remake(np.concatenate([single, 0.8 * single], axis=1))
    found = preprocess(session.series, water, WHOLE, CHECK)
    (flag,) = found.flags
    assert flag.code == "water_averages_differ"
    assert "the first has 1.56 times the energy of the second" in flag.message


@pytest.mark.parametrize(
    ("jump_hz", "is_rejected"), [(-100.0, True), (-45.0, False), (60.0, False)]
)
def test_a_jump_of_the_frequency_is_mended_or_left_out(make_session, jump_hz, is_rejected):
    session = make_session(np.random.default_rng(38), n_transients=24, snr=10.0, drift_hz=0.0)
    samples = session.series.samples.copy()
    samples[:, 16:] *= np.exp(2j * np.pi * jump_hz * session.series.axis.time_s)
    found = preprocess(session.remake(samples), session.water, WHOLE, CHECK)
    # Lines of 5 Hz. Below -55 Hz residual water comes into the window of the search.
    assert found.metrics["fwhm_hz"] == pytest.approx(5.1, abs=0.3)
    assert found.metrics["drift_hz"] > 40
    assert set(found.rejected) == (set(range(16, 24)) if is_rejected else set())
