import numpy as np
import pytest

from glxflow.errors import DataError
from glxflow.io.nifti_mrs import read_series
from glxflow.preprocess.coils import (
    coil_weights,
    combine,
    noise_covariance,
    saturated,
    strongest,
    water_covariance,
)


def share_of_optimum(weights, session):
    """Signal to noise with these weights over that of the true sensitivity and covariance."""
    truth = np.linalg.solve(session.covariance, session.sensitivity)

    def snr(candidate):
        noise = np.real(candidate.conj() @ session.covariance @ candidate)
        return np.abs(candidate.conj() @ session.sensitivity) / np.sqrt(noise)

    return snr(weights) / snr(truth)


@pytest.mark.parametrize("n_coils", [2, 8, 32])
@pytest.mark.parametrize("has_water", [True, False])
def test_combination_reaches_97_percent_of_the_optimum(make_session, n_coils, has_water):
    session = make_session(np.random.default_rng(n_coils), n_coils=n_coils, n_transients=32)
    water = session.water.samples if has_water else None
    found = coil_weights(session.series.samples, water, session.series.axis)
    # The target of the method: sessions of 32 transients with SNR 8 each.
    assert share_of_optimum(found.weights, session) >= 0.97
    assert found.source == ("water" if has_water else "metabolites")


def test_a_drift_and_random_phases_do_not_cost_signal(make_session):
    session = make_session(np.random.default_rng(3), drift_hz=30.0, phase_sd_rad=2.0)
    found = coil_weights(session.series.samples, None, session.series.axis)
    assert share_of_optimum(found.weights, session) >= 0.97  # as without drift


def test_efficiency_is_what_the_weights_truly_reach(make_session):
    rng = np.random.default_rng(4)
    session = make_session(rng, n_transients=64, snr=20.0)
    swapped = session.water.samples[::-1]
    found = coil_weights(session.series.samples, swapped, session.series.axis)
    # Coils of another order: the estimate comes from 64 transients of finite noise.
    assert found.efficiency == pytest.approx(share_of_optimum(found.weights, session), abs=0.03)
    assert found.efficiency < 0.9


def test_a_combined_signal_is_as_strong_as_the_root_of_the_summed_squares(make_session):
    session = make_session(np.random.default_rng(5), snr=200.0, water_residual=0.0)
    found = coil_weights(session.series.samples, session.water.samples, session.series.axis)
    height = np.abs(found.weights.conj() @ session.sensitivity)
    # Weights from data with SNR 200 depart from the truth by less than a percent.
    assert height == pytest.approx(np.linalg.norm(session.sensitivity), rel=0.01)


def test_noise_covariance_is_that_of_the_noise_and_not_of_the_signal(make_session):
    session = make_session(np.random.default_rng(6), n_coils=4, n_transients=64)
    found = noise_covariance(session.series.samples)
    scale = np.sqrt(np.outer(*[np.real(np.diag(session.covariance))] * 2))
    # 20,000 samples, their second differences correlated: an error of about 1 % each.
    assert np.abs((found - session.covariance) / scale).max() < 0.05


def test_slow_water_in_the_tails_is_no_noise(make_session, session_axis):
    rng = np.random.default_rng(15)
    session = make_session(rng)
    # Half a hertz wide and near the carrier: it lasts beyond the acquisition.
    slow = 30 * np.exp((2j * np.pi * session_axis.hz(4.66) - 2) * session_axis.time_s)
    # From elsewhere in the head, that the coils see in part as they do the voxel.
    other = session.sensitivity + rng.normal(size=(8, 2)) @ [1, 1j]
    samples = session.series.samples + other[:, np.newaxis, np.newaxis] * slow
    found = coil_weights(samples, session.water.samples, session_axis)
    assert share_of_optimum(found.weights, session) >= 0.97  # as without it


def test_few_samples_of_noise_cost_little_of_the_signal(make_session):
    shares = []
    for seed in range(6):
        session = make_session(np.random.default_rng(seed), n_coils=32, n_transients=1)
        found = coil_weights(session.series.samples, session.water.samples, session.series.axis)
        shares.append(share_of_optimum(found.weights, session))
    # 512 samples for 32 coils, half of them independent: 0.94 with the covariance as it is.
    assert np.mean(shares) > 0.947


@pytest.mark.parametrize("gain", [0.01, 50.0])
def test_the_gain_of_a_coil_changes_nothing(make_session, gain):
    session = make_session(np.random.default_rng(16), n_coils=6)
    samples, water = session.series.samples.copy(), session.water.samples.copy()
    samples[2] *= gain
    water[2] *= gain
    plain = coil_weights(session.series.samples, session.water.samples, session.series.axis)
    found = coil_weights(samples, water, session.series.axis)
    assert found.dead == ()
    ratio = combine(samples, found.weights) / combine(session.series.samples, plain.weights)
    # The same signal to noise, on another scale.
    np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-6)


@pytest.mark.parametrize(("n_cut", "is_saturated"), [(1, False), (2, True)])
def test_one_transient_that_piles_up_is_no_saturation(make_session, n_cut, is_saturated):
    session = make_session(np.random.default_rng(17), n_coils=1, n_transients=16)
    samples = session.series.samples.copy()
    for transient in samples[0, :n_cut]:
        limit = 0.6 * np.abs(transient.real).max()
        transient[:] = np.clip(transient.real, -limit, limit) + 1j * transient.imag
    assert saturated(samples)[0] == is_saturated


def test_a_dead_coil_is_left_out(make_session):
    session = make_session(np.random.default_rng(7), n_coils=6)
    samples, water = session.series.samples.copy(), session.water.samples.copy()
    samples[2], water[2] = 0, 0
    found = coil_weights(samples, water, session.series.axis)
    assert found.dead == (2,)
    assert found.weights[2] == 0
    assert np.isfinite(combine(samples, found.weights)).all()


def test_a_coil_without_signal_but_with_noise_gets_next_to_no_weight(make_session):
    session = make_session(np.random.default_rng(8), n_coils=6)
    samples, water = session.series.samples.copy(), session.water.samples.copy()
    rng = np.random.default_rng(9)
    samples[2] = rng.normal(size=(*samples[2].shape, 2)) @ [1, 1j] * samples[3].std()
    water[2] = 0
    found = coil_weights(samples, water, session.series.axis)
    others = np.delete(np.abs(found.weights), 2)
    assert np.abs(found.weights[2]) < 0.1 * others.max()  # its true correlation is zero


def test_a_saturated_coil_is_left_out(make_session):
    session = make_session(np.random.default_rng(10), n_coils=6)
    water = session.water.samples.copy()
    limit = 0.6 * np.abs(water[1].real).max()
    water[1] = np.clip(water[1].real, -limit, limit) + 1j * water[1].imag
    found = coil_weights(session.series.samples, water, session.series.axis)
    assert found.saturated == (1,)
    assert not saturated(session.series.samples).any()


def rounded(signal):
    return np.round(signal.real) + 1j * np.round(signal.imag)


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.2])
@pytest.mark.parametrize("height", [2, 10, 100, 1000])
def test_small_integers_are_no_saturation(session_axis, height, noise):
    rng = np.random.default_rng(13)
    phase_rad, offset_hz = rng.uniform(-3, 3, size=(2, 64, 1))
    decay = np.exp((2j * np.pi * offset_hz - 25) * session_axis.time_s + 1j * phase_rad)
    signal = height * (decay + noise * (rng.normal(size=(*decay.shape, 2)) @ [1, 1j]))
    assert not saturated(rounded(signal)[np.newaxis]).any()


@pytest.mark.parametrize("limit", [100, 2047, 32767])
def test_integers_that_a_receiver_cuts_are_saturated(session_axis, limit):
    decay = 1.25 * limit * np.exp((6j - 25) * session_axis.time_s)
    noise = np.random.default_rng(14).normal(size=(session_axis.n_points, 2)) @ [1, 1j]
    cut = np.clip(decay.real + noise.real, -limit, limit) + 1j * (decay + noise).imag
    assert saturated(rounded(cut)[np.newaxis, np.newaxis]).all()


def test_every_coil_dead_is_an_error(session_axis):
    zeros = np.zeros((3, 4, session_axis.n_points))
    with pytest.raises(DataError, match="no coil is usable: 3 of 3 without signal"):
        coil_weights(zeros, None, session_axis)


def test_coil_counts_that_differ_are_an_error(make_session):
    session = make_session(np.random.default_rng(11), n_coils=4)
    with pytest.raises(DataError, match="4 coils but the water reference 3"):
        coil_weights(session.series.samples, session.water.samples[:3], session.series.axis)


def test_strongest_matches_singular_vectors_of_the_whitened_signal():
    rng = np.random.default_rng(12)
    signal = rng.normal(size=(5, 40, 2)) @ [1, 1j]
    mixing = rng.normal(size=(5, 5, 2)) @ [1, 1j]
    noise = mixing @ mixing.conj().T
    weights = strongest(signal @ signal.conj().T, noise)
    whitened = np.linalg.inv(np.linalg.cholesky(noise)) @ signal
    left = np.linalg.svd(whitened)[0][:, 0]
    expected = np.linalg.inv(np.linalg.cholesky(noise)).conj().T @ left
    overlap = np.abs(np.vdot(weights, expected))
    overlap /= np.linalg.norm(weights) * np.linalg.norm(expected)
    assert overlap == pytest.approx(1, abs=1e-9)  # rounding: two ways to one vector


def half_bands(water):
    """Noise covariance and signal of a water reference that has no other scan beside it."""
    return noise_covariance(water.samples), water.samples[:, 0, :1024]


def snr_of(weights, water, noise):
    """Height of the water line over the noise that the tails show."""
    combined = combine(water.samples, weights)[0]
    height = np.abs(np.fft.fft(combined)).max()
    return height / np.sqrt(np.real(weights.conj() @ noise @ weights) * combined.size)


@pytest.mark.real_data
def test_real_water_of_32_coils_reaches_the_best_of_the_published_weights(real_data):
    water = read_series(real_data / "coils32_water" / "mrsref.nii.gz")
    noise, signal = half_bands(water)
    weights = {
        "signal-weighted": signal[:, :8].mean(axis=1),
        "svd": np.linalg.svd(signal, full_matrices=False)[0][:, 0],
        "whitened svd": strongest(water_covariance(water.samples), noise),
    }
    snr = {name: snr_of(candidate, water, noise) for name, candidate in weights.items()}
    # Weights follow the whole decay, the figure its tallest point: they may differ by 0.1 %.
    assert snr["whitened svd"] >= 0.999 * max(snr.values())
    assert snr["whitened svd"] > 1.05 * snr["svd"]  # what the noise covariance is worth here
