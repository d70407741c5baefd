from dataclasses import replace

import numpy as np
import pytest

from glxflow.errors import DataError
from glxflow.preprocess.bins import BinPlan
from glxflow.preprocess.edited import preprocess_edited
from glxflow.preprocess.pipeline import preprocess
from glxflow.preprocess.records import PreprocessOptions

WHOLE = BinPlan(None)
OPTIONS = PreprocessOptions()


def run(session, plan=WHOLE, conditions=None):
    return preprocess_edited(conditions or session.conditions, session.water, plan, OPTIONS)


def scale_of(found, mega):
    """Height and phase of what came out, from OFF: the first 200 ms."""
    early = slice(0, 400)
    truth = mega.off[early]
    return np.vdot(truth, found[early]) / np.vdot(truth, truth).real


def amplitude(found, truth, axis, low, high):
    """How much of the truth there is in a window, beside a line as baseline."""
    window = (axis.ppm > low) & (axis.ppm < high)
    one, other = (np.fft.fftshift(np.fft.fft(fid))[window] for fid in (found, truth))
    position = np.linspace(-1, 1, window.sum())
    design = np.stack([other, np.ones_like(other), position.astype(complex)], axis=1)
    return np.linalg.lstsq(design, one)[0][0].real


def test_the_difference_is_that_of_the_truth_after_drift_and_phases(make_mega, mega):
    session = make_mega(
        np.random.default_rng(1), 64, snr=60.0, drift_hz=8.0, on_offset_hz=1.0, on_phase_rad=0.1
    )
    found = run(session)
    scale = scale_of(found.off.bins.samples[0, 0], mega)
    assert np.degrees(np.angle(scale)) == pytest.approx(0, abs=8)  # what stands beside singlets
    assert abs(scale) == pytest.approx(np.linalg.norm(session.sensitivity), rel=0.04)
    difference, truth = found.difference.samples[0, 0] / scale, mega.on - mega.off
    # GABA, Glx at 3.75 ppm, Glx at 2.3 ppm. Noise and the match at choline scatter by 2 % at
    # this SNR over seeds; water's removal pulls by 1 %.
    for low, high in ((2.85, 3.15), (3.6, 3.9), (2.2, 2.5)):
        assert amplitude(difference, truth, mega.axis, low, high) == pytest.approx(1, abs=0.06)
    assert found.off.metrics["choline_artefact"] < 0.1
    assert found.off.metrics["choline_artefact_raw"] > 0.3


@pytest.mark.parametrize("on_offset_hz", [0.0, 2.5])
def test_choline_is_left_at_the_level_of_noise(make_mega, on_offset_hz):
    session = make_mega(np.random.default_rng(2), 64, drift_hz=20.0, on_offset_hz=on_offset_hz)
    metrics = run(session).off.metrics
    # 0.04 of GABA's and Glx's tails beside the noise; the largest point scatters by a fifth.
    assert metrics["choline_artefact"] < 1.3 * np.hypot(metrics["choline_artefact_noise"], 0.05)


def test_a_spoilt_transient_takes_its_partner_out_of_every_mean(make_mega):
    session = make_mega(np.random.default_rng(12), 20, snr=30.0)
    on = session.conditions["ON"]
    samples = on.samples.copy()
    samples[:, 7] *= 0.2
    found = run(session, conditions=session.conditions | {"ON": replace(on, samples=samples)})
    assert found.off.rejected == (7,)
    kept = np.delete(np.arange(20), 7)
    off, on = found.off.transients.samples[0, kept], found.on.samples[0, kept]
    for mean, expected in (
        (found.off.bins, off), (found.difference, on - off), (found.total, (on + off) / 2)
    ):  # fmt: skip
        np.testing.assert_allclose(mean.samples[0, 0], expected.mean(axis=0), atol=1e-9)


def test_water_that_only_on_holds_is_taken_off_it(make_mega, mega):
    session = make_mega(np.random.default_rng(7), snr=60.0, water_residual=0.0)
    # Editing pulses near water may leave another line of it in ON.
    line = np.exp((2j * np.pi * mega.axis.hz(4.85) - 30) * mega.axis.time_s)
    on = session.conditions["ON"]
    samples = on.samples + 40 * session.sensitivity[:, np.newaxis, np.newaxis] * line
    found = run(session, conditions=session.conditions | {"ON": replace(on, samples=samples)})
    height = {
        name: np.abs(np.fft.fftshift(np.fft.fft(fid))[np.abs(mega.axis.ppm - ppm) < 0.1]).max()
        for name, fid, ppm in (("water", found.difference.samples[0, 0], 4.85),
                               ("NAA", found.off.bins.samples[0, 0], 2.01))
    }  # fmt: skip
    # It was five times as high as NAA.
    assert height["water"] < 0.1 * height["NAA"]


def test_where_on_comes_first_its_onset_is_that_of_the_pair(make_mega):
    session = make_mega(np.random.default_rng(9), 20, snr=30.0, drift_hz=8.0)
    early, late = (series.onset_s for series in session.conditions.values())
    conditions = {
        label: replace(session.conditions[label], onset_s=onset_s)
        for label, onset_s in (("OFF", late), ("ON", early))
    }
    found = run(session, BinPlan(infusion_onset_s=37.0, width_s=100.0), conditions)
    # Pairs start every 4 s, with ON: 0, 4, ..., 36 are before 37 s.
    assert [row.n_used + row.n_rejected for row in found.off.bin_table] == [10, 10]
    np.testing.assert_array_equal(found.on.onset_s, early)
    np.testing.assert_array_equal(found.off.transients.onset_s, late)
    for offset_hz, phase_rad, start in (
        (found.off.offset_hz, found.off.phase_rad, 0),
        (found.on_offset_hz, found.on_phase_rad, 1),
    ):
        truth_hz, truth_rad = session.offset_hz[start::2], session.phase_rad[start::2]
        # Single transients of SNR 30 are read within .1 Hz and .05 rad, and jitter by ten times.
        np.testing.assert_allclose(
            offset_hz - offset_hz.mean(), truth_hz - truth_hz.mean(), atol=0.4
        )
        np.testing.assert_allclose(
            phase_rad - phase_rad.mean(), truth_rad - truth_rad.mean(), atol=0.25
        )


def test_a_single_transient_is_judged_by_its_own_condition(make_mega):
    session = make_mega(np.random.default_rng(8), 64, snr=8.0)
    # Of the mean of 64 pairs, not of 128 transients.
    assert run(session).off.metrics["snr_transient"] == pytest.approx(8.0, rel=0.15)


def test_the_sum_is_the_mean_of_both_conditions(make_mega):
    found = run(make_mega(np.random.default_rng(3)))
    off = found.off.bins.samples
    np.testing.assert_allclose(found.total.samples, off + found.difference.samples / 2)


def test_pairs_are_binned_and_counted_together(make_mega):
    session = make_mega(np.random.default_rng(4), 20, snr=30.0)
    found = run(session, BinPlan(infusion_onset_s=40.0, width_s=24.0))
    # Pairs start every 4 s: 10 before, then 6 and 4.
    assert [row.n_used + row.n_rejected for row in found.off.bin_table] == [10, 6, 4]
    assert found.difference.samples.shape == found.off.bins.samples.shape == (1, 3, 2048)
    keep = np.setdiff1d(np.arange(10, 16), found.off.rejected)
    mean = (found.on.samples - found.off.transients.samples)[0, keep].mean(axis=0)
    np.testing.assert_allclose(found.difference.samples[0, 1], mean, atol=1e-9)
    np.testing.assert_array_equal(found.off.transients.onset_s, 4.0 * np.arange(20))
    np.testing.assert_array_equal(found.on.onset_s, 4.0 * np.arange(20) + 2)


def test_a_spoilt_transient_takes_its_partner_with_it(make_mega):
    session = make_mega(np.random.default_rng(5), 24, snr=30.0)
    samples = session.conditions["ON"].samples.copy()
    samples[:, 7] *= 0.2
    conditions = session.conditions | {"ON": replace(session.conditions["ON"], samples=samples)}
    found = run(session, conditions=conditions)
    assert found.off.rejected == (7,)
    assert found.off.bin_table[0].n_rejected == 1
    assert found.off.metrics["n_rejected"] == 2  # transients


def test_a_scan_that_stopped_keeps_whole_pairs(make_mega):
    session = make_mega(np.random.default_rng(6), 20)
    off, on = (session.conditions[label].samples.copy() for label in ("OFF", "ON"))
    off[:, 13:], on[:, 12:] = 0, 0
    conditions = {
        "OFF": replace(session.conditions["OFF"], samples=off),
        "ON": replace(session.conditions["ON"], samples=on),
    }
    found = run(session, conditions=conditions)
    assert found.off.transients.n_transients == found.on.n_transients == 12
    assert "with their partners" in found.off.steps[0].details


@pytest.mark.parametrize("labels", [("OFF", "ON"), ("Edit_OFF", "Edit_ON"), ("off", "on")])
def test_labels_that_contradict_the_data_are_doubted_and_not_followed(make_mega, labels):
    session = make_mega(np.random.default_rng(7))
    off, on = session.conditions["OFF"], session.conditions["ON"]
    right = run(session, conditions=dict(zip(labels, (off, on), strict=True)))
    wrong = run(session, conditions=dict(zip(labels, (on, off), strict=True)))
    np.testing.assert_array_equal(wrong.difference.samples, right.difference.samples)
    assert right.off.flags == ()
    assert [flag.code for flag in wrong.off.flags] == ["edit_labels_swapped"]
    # What is told of a condition by its name, such as its pulse, is told of it still.
    assert right.labels == wrong.labels == labels


def test_half_the_difference_under_the_name_of_a_condition_is_refused(make_mega):
    session = make_mega(np.random.default_rng(18), snr=30.0)
    off, on = (session.conditions[label] for label in ("OFF", "ON"))
    less = replace(on, samples=(on.samples - off.samples) / 2)
    with pytest.raises(DataError, match=r"choline leaves \d+ % .* itself a difference"):
        run(session, conditions={"OFF": off, "ON": less})


def test_conditions_without_names_are_told_apart_by_naa(make_mega):
    session = make_mega(np.random.default_rng(8))
    named = run(session)
    off, on = session.conditions["OFF"], session.conditions["ON"]
    unnamed = run(session, conditions={"A": on, "B": off})
    np.testing.assert_array_equal(unnamed.difference.samples, named.difference.samples)
    assert unnamed.off.flags == ()
    assert unnamed.labels == ("B", "A")


def test_every_step_is_recorded(make_mega):
    found = run(make_mega(np.random.default_rng(9)))
    methods = [step.method for step in found.off.steps]
    assert methods[-2:] == ["Alignment of subspectra", "Signal averaging"]
    assert found.difference.steps == found.total.steps == found.off.steps


def test_two_averages_of_the_scanner_pass(make_mega):
    session = make_mega(np.random.default_rng(10), 1, n_coils=1, snr=100.0, drift_hz=0.0)
    found = run(session)
    assert np.isnan(found.off.offset_hz).all()
    assert found.difference.samples.shape == (1, 1, 2048)


def test_four_conditions_are_an_error(make_mega):
    session = make_mega(np.random.default_rng(11))
    off = session.conditions["OFF"]
    with pytest.raises(DataError, match=r"4 conditions \(A, B, C, D\), expected two"):
        run(session, conditions=dict.fromkeys("ABCD", off))


def test_conditions_of_different_length_are_an_error(make_mega):
    session = make_mega(np.random.default_rng(12))
    on = session.conditions["ON"]
    short = replace(on, samples=on.samples[:, :9], onset_s=on.onset_s[:9])
    with pytest.raises(DataError, match="16 and 9 transients"):
        run(session, conditions=session.conditions | {"ON": short})


def test_conjugated_conditions_are_refused(make_mega):
    session = make_mega(np.random.default_rng(13))
    conjugated = {
        label: replace(series, samples=series.samples.conj())
        for label, series in session.conditions.items()
    }
    with pytest.raises(DataError, match="stand mirrored"):
        preprocess_edited(conjugated, session.remake(session.water.samples.conj()), WHOLE, OPTIONS)


def test_conditions_that_run_backwards_in_time_are_refused(make_mega):
    session = make_mega(np.random.default_rng(13))
    backwards = {
        label: replace(series, samples=series.samples[:, :, ::-1])
        for label, series in session.conditions.items()
    }
    with pytest.raises(DataError, match="run backwards in time"):
        preprocess_edited(backwards, session.water, WHOLE, OPTIONS)


@pytest.mark.parametrize(("n_pairs", "snr"), [(1, 60.0), (8, 15.0), (32, 8.0)])
def test_conditions_that_nothing_names_are_not_averaged(make_mega, n_pairs, snr):
    session = make_mega(np.random.default_rng(14), n_pairs, snr=snr)
    with pytest.raises(DataError, match=r"every other transient is \d+ % of that in the rest"):
        preprocess(session.series, session.water, WHOLE, OPTIONS)


@pytest.mark.parametrize("n_transients", [2, 5, 16])
@pytest.mark.parametrize("snr", [2.0, 8.0])
def test_a_noisy_scan_without_editing_is_not_taken_for_an_edited_one(
    make_session, n_transients, snr
):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        session = make_session(rng, n_transients=n_transients, snr=snr)
        preprocess(session.series, session.water, WHOLE, OPTIONS)


@pytest.mark.parametrize("n_block", [2, 4, 20])
@pytest.mark.parametrize("snr", [4.0, 15.0])
def test_conditions_in_unnamed_blocks_are_not_averaged(make_session, mega, n_block, snr):
    is_on = np.arange(40) // n_block % 2 == 1
    signal = np.where(is_on[:, np.newaxis], mega.on, mega.off)
    session = make_session(np.random.default_rng(15), n_transients=40, snr=snr, signal=signal)
    with pytest.raises(
        DataError, match=r"NAA in 20 of 40 transients is \d+ % of that in the rest"
    ):
        preprocess(session.series, session.water, WHOLE, OPTIONS)


@pytest.mark.parametrize("gain", [0.5, 1.3, 3.0])
@pytest.mark.parametrize("n_transients", [2, 40])
def test_a_step_of_the_gain_is_not_taken_for_editing(make_session, gain, n_transients):
    session = make_session(
        np.random.default_rng(16), n_transients=n_transients, snr=15.0, drift_hz=20.0
    )
    samples = session.series.samples.copy()
    samples[:, n_transients // 2 :] *= gain
    preprocess(session.remake(samples), session.water, WHOLE, OPTIONS)


@pytest.mark.parametrize("share", [0.2, 0.45])
def test_motion_and_lipid_are_not_taken_for_editing(make_session, session_axis, share):
    rng = np.random.default_rng(17)
    session = make_session(rng, n_transients=40, snr=15.0)
    samples = session.series.samples.copy()
    moved, fat = rng.random((2, 40)) < share
    samples[:, moved] *= rng.uniform(0.1, 0.9, size=(moved.sum(), 1))
    lipid = 15 * np.exp((2j * np.pi * session_axis.hz(1.3) - 20 * np.pi) * session_axis.time_s)
    samples[:, fat] += session.sensitivity[:, np.newaxis, np.newaxis] * lipid
    preprocess(session.remake(samples), session.water, WHOLE, OPTIONS)
