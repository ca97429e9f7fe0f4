"""`lookalike status`: how things stand, once or again every second."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from lookalike.cli.ages import shown_age
from lookalike.cli.context import client, out, show, stopping
from lookalike.cli.counts import counted
from lookalike.client import Lookalike
from lookalike.errors import Unavailable
from lookalike.queue.workers import Worker
from lookalike.status import CollectionProgress, Status
from lookalike.webhooks.records import WebhookBacklog

_EVERY_S = 1.0


def status(
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Every second, to Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Show what waits, how fast it goes, and who works; docs/operating.md explains each word."""
    with client() as lookalike:
        if watch:
            _watch(lookalike, as_json=as_json)
        else:
            _print(lookalike.status(), as_json=as_json)


def _watch(lookalike: Lookalike, *, as_json: bool) -> None:
    if as_json or not out.is_terminal:
        # Piped, each moment stands for itself.
        _every_second(lookalike, lambda now: _print(now, as_json=as_json))
        return
    with Live(console=out, auto_refresh=False, screen=False) as live:
        _every_second(lookalike, lambda now: live.update(_page(now), refresh=True))


def _every_second(lookalike: Lookalike, tell: Callable[[Status], None]) -> None:
    """Until Ctrl-C; an outage is told and waited out, since that is when people look."""
    stop = stopping()
    while not stop.is_set():
        try:
            tell(lookalike.status())
        except Unavailable as error:
            out.print(f"[bold red]{error.reason}[/]: {escape(str(error))}")
        stop.wait(_EVERY_S)


def _print(now: Status, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(dataclasses.asdict(now), default=_written), flush=True)
    else:
        show(_page(now))


def _written(value: object) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _page(now: Status) -> RenderableType:
    if not now.collections and not now.workers:
        return "No images were added yet: lookalike add FOLDER"
    parts = [_headline(now), "", _collections(now), "", _lanes(now), "", _workers(now.workers)]
    if now.webhooks.n_webhooks:
        parts += ["", _webhooks(now.webhooks)]
    return Group(*parts)


def _headline(now: Status) -> str:
    words = [
        f"[bold]{now.at.astimezone():%Y-%m-%d %H:%M:%S}[/]  {counted(now.n_images, 'image')}",
        f"{counted(now.n_open, 'job')} open",
        f"{now.per_s:,.1f}/s",
    ]
    if now.n_open:
        words.append(f"time left {shown_age(now.eta_s)}")
    if now.oldest_wait_s is not None:
        words.append(f"the oldest waits {shown_age(now.oldest_wait_s)}")
    flags = _flags(now.paused, now.max_open, is_full=now.is_full)
    return ", ".join(words) + (f"  {flags}" if flags else "")


def _collections(now: Status) -> RenderableType:
    table = _table("collection", right=("images", "open"), left=("feature space", ""))
    for c in now.collections:
        flags = _flags(c.paused, c.max_open, is_full=c.is_full)
        table.add_row(escape(c.name), f"{c.n_images:,}", f"{c.n_open:,}", _space(c), flags)
    return table


def _lanes(now: Status) -> RenderableType:
    counts = ("queued", "leased", "retry", "done", "failed")
    rest = ("jobs/s", "time left", "oldest")
    table = _table("collection", "lane", right=(*counts, *rest), left=("",))
    for collection in now.collections:
        for lane in collection.lanes:
            table.add_row(
                escape(collection.name),
                lane.lane,
                *(f"{n:,}" for n in (lane.queued, lane.leased, lane.retry, lane.done)),
                f"[red]{lane.failed:,}[/]" if lane.failed else "0",
                f"{lane.per_s:,.1f}",
                shown_age(lane.eta_s),
                shown_age(lane.oldest_wait_s),
                "[yellow]paused[/]" if lane.is_paused else "",
            )
    return table


def _workers(workers: list[Worker]) -> RenderableType:
    if not workers:
        return "[yellow]No worker is alive[/]: start one with `lookalike worker`."
    columns = ("images/s", "held", "finished", "progress", "seen")
    table = _table("worker", "on", right=columns)
    for worker in workers:
        progress = worker.last_progress
        table.add_row(
            escape(worker.id),
            escape(worker.description),
            f"{worker.images_per_s:,.1f}",
            f"{worker.n_held:,}",
            f"{worker.n_done:,}",
            f"{progress.astimezone():%H:%M:%S}" if progress else "never",
            f"{worker.last_seen.astimezone():%H:%M:%S}",
        )
    return table


def _webhooks(webhooks: WebhookBacklog) -> str:
    words = [counted(webhooks.n_webhooks, "webhook")]
    if webhooks.n_ends:
        words.append(f"{counted(webhooks.n_ends, 'end')} to be gathered")
    words.append(f"{counted(webhooks.n_pending, 'delivery', 'deliveries')} pending")
    if webhooks.n_dead:
        words.append(f"[red]{webhooks.n_dead:,} dead[/]")
    if webhooks.n_disabled:
        words.append(f"[red]{webhooks.n_disabled:,} disabled[/]: lookalike webhook list")
    return ", ".join(words)


def _table(*first: str, right: tuple[str, ...], left: tuple[str, ...] = ()) -> Table:
    table = Table(*first, box=None, pad_edge=False)
    for name in right:
        table.add_column(name, justify="right")
    for name in left:
        table.add_column(name)
    return table


def _space(c: CollectionProgress) -> str:
    if c.space is None:
        return "no feature space yet"
    space = c.space if c.is_trained else f"{c.space} (untrained)"
    return space if c.other_space is None else f"{space}, beside it {c.other_space}"


def _flags(paused: str | None, max_open: int | None, *, is_full: bool) -> str:
    words = []
    if paused is not None:
        words.append("[yellow]paused[/]" if paused == "bulk" else "[yellow]all lanes paused[/]")
    if max_open is not None:
        words.append(f"[red]full: {max_open:,}[/]" if is_full else f"limit {max_open:,}")
    return ", ".join(words)
