"""Do the parts of an analysis on several cores, keep what is done, and show how far it is."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import ExitStack
from functools import cached_property
from multiprocessing import get_context
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from glxflow.io.files import atomic_path
from glxflow.trial.parts import Result, Task


class KeptParts:
    """Does parts, each once: what an earlier run with the same inputs did is read.

    A part that is done is a file in a folder of the output. The folder is removed when
    all is done, and stays when the run is stopped.

    Parameters
    ----------
    folder : Path
        Of the parts; a folder in it is named by the inputs.
    inputs : str
        Everything that decides the results.
    cores : int
        Processes. The numbers do not depend on it.
    console : Console
        Where progress is shown, if it is a terminal.
    """

    def __init__(self, folder: Path, inputs: str, cores: int, console: Console) -> None:
        self._folder = folder
        self._own = folder / hashlib.sha256(inputs.encode()).hexdigest()[:16]
        self._cores = cores
        self._stack = ExitStack()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )

    def __enter__(self) -> Self:
        """Show progress."""
        self._stack.enter_context(self._progress)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the processes; where all went well, nothing is left to continue from."""
        self._stack.__exit__(kind, error, trace)
        if kind is None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def __call__(
        self, name: str, work: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> list[Result]:
        """Return ``work(task)`` of every task, in their order."""
        paths = [self._own / f"{name.replace(' ', '_')}_{i:05d}.json" for i in range(len(tasks))]
        waiting = [place for place, path in enumerate(paths) if not path.exists()]
        shown = self._progress.add_task(
            name, total=len(tasks), completed=len(tasks) - len(waiting)
        )
        for place, result in self._done(work, tasks, waiting):
            with atomic_path(paths[place]) as path:
                path.write_text(json.dumps(result), encoding="utf-8")
            self._progress.advance(shown)
        # Read back even what was just done: one way for all, whoever did it.
        return [json.loads(path.read_text(encoding="utf-8")) for path in paths]

    def _done(
        self, work: Callable[[Task], Result], tasks: Sequence[Task], waiting: list[int]
    ) -> Iterator[tuple[int, Result]]:
        """Yield the place and the result of each waiting task as it is done."""
        if self._cores == 1 or len(waiting) < 2:
            for place in waiting:
                yield place, work(tasks[place])
            return
        futures = {self._pool.submit(work, tasks[place]): place for place in waiting}
        for future in as_completed(futures):
            yield futures[future], future.result()

    @cached_property
    def _pool(self) -> ProcessPoolExecutor:
        """Processes that start afresh, since a fork would inherit the threads of the display."""
        pool = ProcessPoolExecutor(self._cores, mp_context=get_context("spawn"))
        self._stack.callback(pool.shutdown, cancel_futures=True)
        return pool
