"""A progress bar with rate and time left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class _RateColumn(ProgressColumn):
    """What is done over the time since the start: also after the first portion, unlike Rich's."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        elapsed_s = task.finished_time or task.elapsed
        if not task.completed or not elapsed_s:
            return Text("")
        return Text(f"{task.completed / elapsed_s:.1f} {self._unit}/s")


def stderr() -> Console:
    """Where bars belong that a program of others shows: its output stays its own."""
    return Console(stderr=True)


@contextmanager
def step_bars(out: Console) -> Iterator[Callable[[str, int, int], None]]:
    """Bars one below the other, one a step; call what it gives with its name, done and total.

    A total of 0 is one that is not known: the bar then only moves.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=out) as progress:
        tasks: dict[str, TaskID] = {}

        def show(step: str, done: int, total: int) -> None:
            if step not in tasks:
                _finish(progress)
                tasks[step] = progress.add_task(step, total=None)
            progress.update(tasks[step], completed=done, total=total or None)

        yield show
        _finish(progress)


def _finish(progress: Progress) -> None:
    for task in progress.tasks:
        end = max(task.completed, task.total or 1)
        progress.update(task.id, completed=end, total=end)


@contextmanager
def progress_bar(
    what: str, total: int | None, unit: str, out: Console
) -> Iterator[Callable[[int], None]]:
    """Show a bar as long as the context is open; call what it gives with each further count.

    A total of None is one that is not known: the bar then only moves.
    """
    columns = (
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        _RateColumn(unit),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=out) as progress:
        task = progress.add_task(what, total=total)
        yield lambda n: progress.advance(task, n)
