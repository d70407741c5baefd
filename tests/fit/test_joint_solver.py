"""The search of what several spectra share, on costs whose minimum is known."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest

from glxflow.fit.joint_solver import solve_joint


@dataclass
class OffASaddle:
    """A cost with minima at -1 and 1, and a Hessian that is believed twenty times too large."""

    n_data: int = 1
    n_evaluations: int = 0
    prior: SimpleNamespace = field(
        default_factory=lambda: SimpleNamespace(
            names=("there",),
            low=np.array([-9.0]),
            high=np.array([9.0]),
            stuck=lambda theta: np.abs(theta) >= 9.0,
        )
    )

    def evaluate(self, theta, _near=None):
        self.n_evaluations += 1
        return SimpleNamespace(theta=theta, cost=float((theta[0] ** 2 - 1) ** 2))

    def normal_equations(self, point, _vary):
        here = point.theta[0]
        return np.array([[80.0]]), np.array([2 * here * (here**2 - 1)])


def test_steps_that_are_too_short_by_any_factor_are_lengthened():
    joint = OffASaddle()
    found = solve_joint(joint, np.array([0.01]), np.array([True]), 1e-9)
    assert found.point.theta == pytest.approx([1.0], abs=1e-2)
    assert found.is_converged
    # Step by step, 80 steps end at 0.07.
    assert joint.n_evaluations < 60
