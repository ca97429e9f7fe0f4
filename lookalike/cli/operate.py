"""Commands that hold the queue back, and let it go again."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from lookalike.cli.ages import shown_age
from lookalike.cli.context import client, out
from lookalike.errors import Rejected
from lookalike.queue.controls import Control, InHand

Collection = Annotated[
    str | None, typer.Option("--collection", "-c", help="One collection; else all together.")
]


def pause(
    collection: Collection = None,
    all_lanes: Annotated[
        bool, typer.Option("--all-lanes", help="Hold queries back too; they time out.")
    ] = False,
) -> None:
    """Hand out no more of the bulk; what is handed out already is still done."""
    with client() as lookalike:
        operator = lookalike.operator
        paused = operator.pause(collection, all_lanes=all_lanes)
        n_left = sum(held.n_jobs for held in operator.in_hand())
    what = "All lanes are paused" if paused == "all" else "Bulk jobs are paused"
    rest = "queries wait too" if paused == "all" else "queries are still answered"
    out.print(f"{what} {_where(collection)}; {rest}. New images are still taken in.")
    out.print(f"{n_left:,} jobs of all collections are handed out already, and are still done.")


def resume(collection: Collection = None) -> None:
    """Lift a pause, and the one that `drain` leaves behind."""
    with client() as lookalike:
        operator = lookalike.operator
        was_paused = operator.resume(collection)
        now = lookalike.status()
    out.print(f"{'Resumed' if was_paused else 'Nothing was paused'} {_where(collection)}.")
    if now.paused is not None:
        out.print("[yellow]All collections together are still paused[/]: lookalike resume")
        return
    for one in now.collections:
        if one.paused is not None:
            out.print(f"[yellow]{escape(one.name)} is still paused[/]: resume it by its name.")


def drain(
    timeout_s: Annotated[
        float, typer.Option("--timeout", min=0, help="Seconds to wait for the workers.")
    ] = 60,
) -> None:
    """Pause everything and wait until no worker holds a job; exit status 1 at the timeout."""
    with client() as lookalike:
        left = lookalike.operator.drain(timeout_s=timeout_s, watch=_Shown())
    if left:
        out.print(f"[red]Not empty[/] after {shown_age(timeout_s)}: {_held(left)}.")
        out.print("Everything stays paused: drain again, or `lookalike resume`.")
        raise typer.Exit(1)
    out.print("Nothing is in hand, and everything is paused: upgrade, then `lookalike resume`.")


def limit(
    n: Annotated[int | None, typer.Argument(min=0, help="How many jobs may be open.")] = None,
    collection: Collection = None,
    none: Annotated[bool, typer.Option("--none", help="Lift the limit.")] = False,
) -> None:
    """Refuse new images while more jobs than N are open; without N, show the limit."""
    if n is not None and none:
        raise Rejected("found both a number and --none; expected one of them")
    with client() as lookalike:
        operator = lookalike.operator
        if n is not None or none:
            operator.limit(n, collection=collection)
        control = operator.control(collection)
    out.print(_limited(control, collection))


class _Shown:
    """Prints what is in hand whenever that changes."""

    def __init__(self) -> None:
        self._last = ""

    def __call__(self, left: list[InHand]) -> None:
        text = _held(left)
        if text != self._last:
            out.print(f"Still in hand: {text}.")
        self._last = text


def _held(left: list[InHand]) -> str:
    return ", ".join(
        f"{held.n_jobs:,} in Redis"
        if held.worker is None
        # A worker's name is free text of its machine.
        else f"{held.n_jobs:,} by worker {escape(held.worker)}"
        for held in left
    )


def _limited(control: Control, collection: str | None) -> str:
    if control.max_open is None:
        return f"No limit {_where(collection)}."
    return f"At most {control.max_open:,} jobs may be open {_where(collection)}."


def _where(collection: str | None) -> str:
    return "in all collections together" if collection is None else f"in {escape(collection)}"
