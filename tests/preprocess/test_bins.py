from itertools import pairwise

import numpy as np
import pytest

from glxflow.errors import ConfigError, DataError
from glxflow.preprocess.bins import BinPlan, average, divide, far_from_middle

ONSETS = np.arange(20) * 2.0


def test_without_an_infusion_everything_is_one_bin():
    assert divide(ONSETS, BinPlan(None, width_s=5.0), 2.0) == [(0.0, 40.0)]


def test_bins_by_width_end_with_the_scan():
    assert divide(ONSETS, BinPlan(10.0, width_s=15.0), 2.0) == [
        (-10.0, 0.0),
        (0.0, 15.0),
        (15.0, 30.0),
    ]


@pytest.mark.parametrize("width_s", [0.1, 33.3, 7.0])
def test_bins_end_to_end_share_no_moment(width_s):
    edges = divide(np.arange(0, 50.0, 0.05), BinPlan(10.0, width_s=width_s), 0.05)
    assert all(one[1] == other[0] for one, other in pairwise(edges))


def test_sliding_bins_overlap_and_do_not_run_out_into_nothing():
    edges = divide(ONSETS, BinPlan(10.0, width_s=15.0, step_s=5.0), 2.0)
    assert edges[1:] == [(0.0, 15.0), (5.0, 20.0), (10.0, 25.0), (15.0, 30.0)]


def test_no_bin_starts_after_the_last_transient():
    # Averages of 60 s, the infusion amid one of them.
    edges = divide(np.arange(0.0, 600.0, 60.0), BinPlan(90.0, width_s=60.0), 60.0)
    assert edges[-1] == (420.0, 480.0)  # the last one starts at 450 s


def test_bins_by_count_hold_so_many_transients():
    plan = BinPlan(10.0, count=6)
    edges = divide(ONSETS, plan, 2.0)
    _, table = average(np.ones((20, 4)), ONSETS - 10.0, edges, np.zeros(20, dtype=bool))
    assert [row.n_used for row in table] == [5, 6, 6, 3]


def test_every_transient_is_in_exactly_one_bin_even_with_uneven_onsets():
    rng = np.random.default_rng(1)
    onsets = np.sort(rng.uniform(0, 600, size=200))
    edges = divide(onsets, BinPlan(200.0, width_s=37.0), 2.0)
    _, table = average(np.ones((200, 4)), onsets - 200.0, edges, np.zeros(200, dtype=bool))
    assert sum(row.n_used for row in table) == 200


@pytest.mark.parametrize("how", [{"width_s": 3.5}, {"count": 5}])
def test_an_onset_at_an_edge_is_after_it_however_both_were_rounded(how):
    # In binary, 88 x 0.7 comes to less than 61.6.
    onsets, none = np.arange(198) * 0.7, np.zeros(198, dtype=bool)
    edges = divide(onsets, BinPlan(61.6, **how), 0.7)
    _, table = average(np.ones((198, 4)), onsets - 61.6, edges, none)
    assert [row.n_used for row in table] == [88, *[5] * 22]
    assert table[0].stop_s == table[1].start_s == 0.0
    assert far_from_middle(table, onsets - 61.6, none) == {}


def test_a_bin_without_transients_is_left_out_and_the_others_keep_their_index():
    onsets = np.array([0.0, 2.0, 12.0, 32.0])
    edges = divide(onsets, BinPlan(10.0, width_s=10.0), 2.0)
    means, table = average(np.ones((4, 4)), onsets - 10.0, edges, np.zeros(4, dtype=bool))
    assert [row.index for row in table] == [0, 1, 3]
    assert means.shape == (3, 4)


def test_a_transient_that_starts_with_the_last_bin_is_in_it():
    # It lasts beyond the bin before: onsets 0, 5, ..., 45 after the infusion.
    onsets = np.arange(0.0, 76.0, 5.0)
    edges = divide(onsets, BinPlan(30.0, width_s=15.0), 5.0)
    _, table = average(np.ones((16, 4)), onsets - 30.0, edges, np.zeros(16, dtype=bool))
    assert [row.n_used for row in table] == [6, 3, 3, 3, 1]


def test_rejected_transients_are_counted_in_their_own_bin():
    rejected = np.array([False, True, False, False, True, True])
    _, table = average(np.ones((6, 1)), np.arange(6.0), [(0.0, 3.0), (3.0, 6.0)], rejected)
    assert [(row.n_used, row.n_rejected) for row in table] == [(2, 1), (1, 2)]


def test_rejected_transients_are_counted_and_not_averaged():
    samples = np.array([[1.0], [9.0], [3.0]])
    rejected = np.array([False, True, False])
    means, (row,) = average(samples, np.arange(3.0), [(0.0, 3.0)], rejected)
    assert means[0, 0] == 2.0
    assert (row.n_used, row.n_rejected, row.weight) == (2, 1, 2.0)


@pytest.mark.parametrize("infusion_s", [None, 10.0])
def test_transients_without_onsets_are_an_error(infusion_s):
    with pytest.raises(DataError, match="neither RepetitionTime nor VolumeTiming"):
        divide(np.full(8, np.nan), BinPlan(infusion_s, width_s=5.0), 2.0)


@pytest.mark.parametrize("onset_s", [-5.0, 0.0, 39.0])
def test_an_infusion_without_baseline_or_response_is_an_error(onset_s):
    with pytest.raises(DataError, match="no baseline or no response"):
        divide(ONSETS, BinPlan(onset_s, width_s=5.0), 2.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"width_s": 5.0, "count": 3},
        {"width_s": 0.0},
        {"count": -1},
        {"width_s": 5.0, "step_s": 6.0},
        {"count": 3, "step_s": 2.0},
    ],
)
def test_a_contradictory_plan_is_an_error(wrong):
    with pytest.raises(ConfigError, match="bin plan"):
        BinPlan(10.0, **wrong)


@pytest.mark.parametrize(
    ("onsets", "expected"),
    [
        (np.arange(0.0, 30.0), {}),  # bins of 10 s that are full
        (np.arange(0.0, 30.0, 10.0), {}),  # stored averages, one a bin
        (np.r_[0.0:10.0, 10.0:13.0, 20.0:30.0], {1: -3.5}),  # a pause
        (np.r_[0.0:10.0, 10.0:16.0, 20.0:23.0], {2: -3.5}),  # 2 s off is no quarter; the end
    ],
)
def test_bins_whose_transients_lie_off_their_middle_are_named(onsets, expected):
    edges = [(0.0, 10.0), (10.0, 20.0), (20.0, 30.0)]
    rejected = np.zeros(onsets.size, dtype=bool)
    _, table = average(np.ones((onsets.size, 1)), onsets, edges, rejected)
    assert far_from_middle(table, onsets, rejected) == pytest.approx(expected)


def test_rejected_transients_move_the_time_of_a_bin():
    onsets = np.arange(0.0, 20.0)
    rejected = (onsets >= 3) & (onsets < 10)
    edges = [(0.0, 10.0), (10.0, 20.0)]
    _, table = average(np.ones((20, 1)), onsets, edges, rejected)
    assert far_from_middle(table, onsets, rejected) == pytest.approx({0: -3.5})


def test_one_transient_is_in_the_middle_of_its_scan():
    alone, used = np.zeros(1), np.zeros(1, dtype=bool)
    _, table = average(np.ones((1, 1)), alone, [(0.0, 2.0)], used)
    assert far_from_middle(table, alone, used) == {}
