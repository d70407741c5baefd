import numpy as np
import pytest

from glxflow.errors import ConfigError
from glxflow.simulate.truth import Design, madrs_attenuation, recruit


def sessions_by_condition(person):
    return {session.condition: session for session in person.sessions}


def test_blunting_is_exact_in_every_participant():
    for person in recruit(Design(8, effect=0.1, blunting=0.4, seed=1)):
        sessions = sessions_by_condition(person)
        assert sessions["naltrexone"].rise == pytest.approx(0.6 * sessions["placebo"].rise)


def test_without_blunting_both_sessions_respond_alike():
    for person in recruit(Design(4, effect=0.1, blunting=0.0, seed=1)):
        first, second = person.sessions
        assert first.rise == second.rise


def test_sequence_says_which_condition_comes_first():
    people = recruit(Design(6, 0.1, 0.4, seed=2))
    assert sorted(person.sequence for person in people) == ["NP"] * 3 + ["PN"] * 3
    for person in people:
        first = person.sessions[0]
        assert first.condition == {"P": "placebo", "N": "naltrexone"}[person.sequence[0]]
        assert (first.period, person.sessions[1].period) == (1, 2)


def test_a_participant_does_not_depend_on_how_many_there_are():
    few, many = (recruit(Design(size, 0.1, 0.4, seed=3)) for size in (2, 20))
    assert few[1].age == many[1].age
    assert few[1].sessions[0].madrs == many[1].sessions[0].madrs
    assert few[1].sessions[0].rise == many[1].sessions[0].rise


def test_glx_is_at_its_baseline_before_and_approaches_its_rise_after_the_infusion():
    session = recruit(Design(2, 0.1, 0.4, seed=4))[0].sessions[0]
    before, late = session.glx_factor(np.array([-300.0, 1e5]))
    assert before == session.glx_baseline
    assert late == pytest.approx(session.glx_baseline * (1 + session.rise))


def test_scores_attenuate_as_the_truth_says():
    # 400 participants: the SD of a mean change is about 3 / sqrt(400) = 0.15 points of 12.
    people = recruit(Design(400, 0.1, 0.4, seed=5))
    drops = {
        condition: np.mean(
            [
                sessions_by_condition(person)[condition].madrs[0]
                - sessions_by_condition(person)[condition].madrs[1]
                for person in people
            ]
        )
        for condition in ("placebo", "naltrexone")
    }
    attenuation = 1 - drops["naltrexone"] / drops["placebo"]
    assert attenuation == pytest.approx(madrs_attenuation(0.4), abs=0.06)  # 4 SD of the ratio


@pytest.mark.parametrize(("participants", "effect", "blunting"), [(1, 0.1, 0.4), (8, 0.1, 40)])
def test_a_design_that_cannot_be_meant_is_refused(participants, effect, blunting):
    with pytest.raises(ConfigError):
        Design(participants, effect, blunting, seed=1)
