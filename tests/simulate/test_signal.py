import numpy as np
import pytest

from glxflow.errors import ConfigError
from glxflow.simulate.signal import measure, metabolite_responses
from glxflow.simulate.trial import acquisition
from glxflow.simulate.truth import Design, recruit
from glxflow.spectrum import spectrum_of


@pytest.fixture(scope="module")
def person():
    return recruit(Design(2, 0.1, 0.4, seed=11))[0]


def measured(person, snr=np.inf, coils=3, session=0):
    how = acquisition(n_transients=10, n_coils=coils, n_points=1024, snr=snr)
    return measure(person, person.sessions[session], how, metabolite_responses(how))


def test_shapes_are_coils_transients_points(person):
    made = measured(person)
    assert made.svs.samples.shape == (3, 10, 1024)
    assert made.water.samples.shape == (3, 1, 1024)
    np.testing.assert_allclose(made.svs.onset_s, np.arange(10) * 300.0)


def test_naa_stands_at_its_shift_moved_by_the_true_drift(person):
    made = measured(person, coils=1)
    ppm = made.svs.axis.ppm
    window = (ppm > 1.7) & (ppm < 2.3)
    for transient, drift_hz in enumerate(made.frequency_hz):
        spectrum = np.abs(spectrum_of(made.svs.samples[0, transient]))[window]
        found = ppm[window][spectrum.argmax()] - drift_hz / 123.25
        # A bin is 0.016 ppm, the jitter of NAA's own shift has an SD of 0.003 ppm.
        assert found == pytest.approx(2.008, abs=0.03)


def test_glx_rises_and_nothing_else_does(person):
    amplitudes = measured(person).amplitudes
    assert (np.diff(amplitudes["Glu"][2:]) > 0).all()
    assert amplitudes["Glu"][0] == amplitudes["Glu"][1]  # both before the infusion
    for name in ("NAA", "Cr", "GPC"):
        assert np.ptp(amplitudes[name]) == 0


def test_a_participant_has_the_same_anatomy_in_both_sessions(person):
    first, second = (measured(person, session=which).amplitudes for which in (0, 1))
    assert first["NAA"][0] == second["NAA"][0]


def test_noise_has_the_snr_that_was_asked_for(person):
    clean, noisy = measured(person, coils=1), measured(person, snr=50.0, coils=1)
    noise = spectrum_of(noisy.svs.samples[0] - clean.svs.samples[0]).real
    spectrum = np.abs(spectrum_of(clean.svs.samples[0]))
    window = np.abs(clean.svs.axis.ppm - 2.008) < 0.1
    # The drift and the water tail move the height of NAA by some percent.
    assert spectrum[:, window].max(axis=1).mean() / noise.std() == pytest.approx(50, rel=0.15)


def test_the_same_seed_makes_the_same_data_and_another_does_not(person):
    again = recruit(Design(2, 0.1, 0.4, seed=11))[0]
    other = recruit(Design(2, 0.1, 0.4, seed=12))[0]
    np.testing.assert_array_equal(
        measured(person, snr=50.0).svs.samples, measured(again, snr=50.0).svs.samples
    )
    assert not np.allclose(
        measured(person, snr=50.0).svs.samples, measured(other, snr=50.0).svs.samples
    )


@pytest.mark.parametrize(("transients", "snr"), [(5, 50.0), (20, 0.0), (20, float("nan"))])
def test_a_session_that_cannot_be_measured_is_refused(transients, snr):
    with pytest.raises(ConfigError):
        acquisition(n_transients=transients, n_coils=1, n_points=64, snr=snr)
