"""Time preprocessing of a session, and water removal against hlsvdpropy where installed.

Run: ``python benchmarks/preprocess/speed.py``. CPU times of one process; only their
ratios within a run compare.
"""

import importlib.util
import time
import tracemalloc
from collections.abc import Callable

import numpy as np
from session import AXIS, session

from glxflow.preprocess.align import align
from glxflow.preprocess.bins import BinPlan
from glxflow.preprocess.coils import coil_weights, combine
from glxflow.preprocess.pipeline import preprocess
from glxflow.preprocess.records import PreprocessOptions
from glxflow.preprocess.water import without_water


def cpu_s(run: Callable[[], object], repeats: int) -> float:
    """Return the median CPU time of a call, in s."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return float(np.median(times))


def main() -> None:
    """Print the tables."""
    made = session(np.random.default_rng(1), n_coils=32, n_transients=300)
    plan, options = BinPlan(200.0, width_s=100.0), PreprocessOptions()
    weights = coil_weights(made.series.samples, made.water.samples, AXIS).weights
    combined = combine(made.series.samples, weights)
    aligned = align(combined, AXIS).samples
    mean = aligned.mean(axis=0)
    rows: dict[str, tuple[Callable[[], object], int]] = {
        "whole session": (lambda: preprocess(made.series, made.water, plan, options), 5),
        "coil weights": (lambda: coil_weights(made.series.samples, made.water.samples, AXIS), 5),
        "combination": (lambda: combine(made.series.samples, weights), 5),
        "alignment": (lambda: align(combined, AXIS), 5),
        "water removal, 300 transients": (lambda: without_water(aligned, AXIS), 5),
        "water removal, one decay": (lambda: without_water(mean, AXIS), 50),
    }
    print("32 coils x 300 transients x 2048 points")
    for name, (run, repeats) in rows.items():
        print(f"{name:32s} {1000 * cpu_s(run, repeats):8.1f} ms")
    tracemalloc.start()
    preprocess(made.series, made.water, plan, options)
    peak = tracemalloc.get_traced_memory()[1]
    print(f"memory beside the raw array      {peak / made.series.samples.nbytes:8.2f} of it")
    if importlib.util.find_spec("hlsvdpropy") is None:
        print("hlsvdpropy is not installed: no comparison")
        return
    # Optional and not a dependency, hence imported only where it is there.
    hlsvd = importlib.import_module("hlsvdpropy").hlsvd
    ours = cpu_s(lambda: without_water(mean, AXIS), 50)
    theirs = cpu_s(lambda: hlsvd(mean, 16, AXIS.dwell_time_s * 1000), 3)
    print(f"hlsvdpropy, 16 lines, one decay  {1000 * theirs:8.1f} ms = {theirs / ours:.0f} x ours")


if __name__ == "__main__":
    main()
