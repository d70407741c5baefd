"""Work in parts that anyone may do, in any order.

A part is a pure function of its task, and its result is what JSON can hold, so that
whoever runs the parts may share them between processes and keep what is done.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

Task = TypeVar("Task")

Result = dict[str, Any]
"""What a part returns: text, numbers, and lists and mappings of them."""


class Run(Protocol):
    """Something that does the parts of a piece of work and returns their results in order."""

    def __call__(
        self, name: str, work: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> list[Result]:
        """Return ``work(task)`` of every task; `name` says what the work is."""


def one_by_one(
    name: str,  # noqa: ARG001 - others show it
    work: Callable[[Task], Result],
    tasks: Sequence[Task],
) -> list[Result]:
    """Return ``work(task)`` of every task, in this process."""
    return [work(task) for task in tasks]
