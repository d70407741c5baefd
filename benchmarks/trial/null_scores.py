"""Count how often the clinical claim is made without an effect, by all days and by its own alone.

The scores are those of the digital trial: they scatter most on the plan's day, since people
answer to the infusion differently.

OPENBLAS_NUM_THREADS=1 python benchmarks/trial/null_scores.py --trials 700
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from glxflow.simulate.truth import CONDITIONS, Design, recruit
from glxflow.trial.outcomes import Analysis, clinical_outcome
from glxflow.trial.plan import Plan, plan_from
from glxflow.trial.planning import planned

PLAN = Path(__file__).parents[2] / "config" / "trial.yaml"
PARTICIPANTS = 16


def scores_of(seed: int) -> pd.DataFrame:
    """Return the scores of both sessions of everybody, without an effect of the condition."""
    people = recruit(Design(PARTICIPANTS, effect=0.1, blunting=0.0, seed=seed))
    return pd.DataFrame(
        {"subject": who.subject, "sequence": who.sequence, "period": session.period,
         "condition": session.condition, "day": day, "madrs": score}
        for who in people
        for session in who.sessions
        for day, score in session.madrs.items()
    )  # fmt: skip


def p_values(scores: pd.DataFrame, plan: Plan) -> list[float]:
    """Return P of the claim, and of the plan's day alone."""
    result = Analysis({}, [], [], [], {})
    clinical_outcome(result, scores, plan)
    table = result.tables["clinical"]
    alone = table["model"].str.endswith("alone")
    return [float(table.loc[mask, "p"].iloc[0]) for mask in (table["role"] == "clinical", alone)]


def main() -> None:
    """Print a row a design."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=700)
    trials = parser.parse_args().trials
    plan = replace(plan_from(yaml.safe_load(PLAN.read_text()), str(PLAN)), responders=None)
    print("| design | all days | the plan's day alone |\n| --- | --: | --: |")
    for kind in ("parallel", "crossover"):
        found = []
        for seed in range(1000, 1000 + trials):
            scores = scores_of(seed)
            if kind == "parallel":  # everybody's session under the condition of the own arm
                number = scores["subject"].str[-2:].astype(int)
                arm = np.array(CONDITIONS)[number % 2]
                scores = scores[scores["condition"] == arm].drop(columns=["sequence", "period"])
            found.append(p_values(scores, planned(plan, kind, ())))
        rates = (np.array(found) < 0.05).mean(axis=0)
        cells = (f"{100 * r:.1f} % (SE {100 * (r * (1 - r) / trials) ** 0.5:.1f})" for r in rates)
        print(f"| {kind} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
