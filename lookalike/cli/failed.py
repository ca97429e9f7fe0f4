"""Commands for jobs that failed, and for the jobs' history."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated

import typer
from rich.console import Group
from rich.markup import escape
from rich.table import Table

from lookalike.cli.ages import parse_age
from lookalike.cli.context import client, out
from lookalike.cli.context import show as show_page
from lookalike.cli.counts import counted
from lookalike.errors import Rejected
from lookalike.jobs import JobStatus
from lookalike.queue.failures import FailedFor, FailedJob, Selection

app = typer.Typer(no_args_is_help=True, help="List failed jobs, try them again, or drop them.")
jobs_app = typer.Typer(no_args_is_help=True, help="Clean up the history, or cancel what waits.")

Collection = Annotated[str | None, typer.Option("--collection", "-c", help="One collection.")]
Reason = Annotated[str | None, typer.Option(help="An error's name, such as ImageNotFound.")]
OlderThan = Annotated[
    float | None,
    typer.Option("--older-than", parser=parse_age, metavar="AGE", help="Such as 30m, 12h or 2d."),
]
Limit = Annotated[int | None, typer.Option(min=1, help="So many at most.")]
Everything = Annotated[bool, typer.Option("--all", help="Without any filter.")]


@app.command("list")
def list_failed(
    collection: Collection = None,
    reason: Reason = None,
    older_than: OlderThan = None,
    limit: Annotated[int, typer.Option(min=1, help="So many at most.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Count failed jobs by reason, and list the first of them."""
    chosen = Selection(collection, reason, older_than, limit)
    with client() as lookalike:
        jobs = lookalike.operator.failed(chosen)
        if as_json:
            for job in jobs:
                print(json.dumps(dataclasses.asdict(job), default=str))
            return
        reasons = lookalike.operator.failed_for(chosen)
    if not reasons:
        out.print("No job failed.")
        return
    show_page(Group(_counts(reasons), "", _list(jobs)))
    n_more = sum(one.n for one in reasons) - len(jobs)
    if n_more > 0:
        out.print(f"… and {n_more:,} more: --limit, --reason")


@app.command()
def show(job_id: Annotated[int, typer.Argument(help="The job's id, from the list.")]) -> None:
    """Tell all about one failed job."""
    with client() as lookalike:
        job = lookalike.operator.failed_job(job_id)
    out.print(f"[bold]job {job.id}[/] of {escape(job.collection)}: {escape(job.reference)}")
    out.print(f"  {_image(job)}")
    out.print(f"  [red]{job.error}[/]: {escape(job.message or '')}")
    out.print(f"  enqueued {job.created_at.astimezone():%Y-%m-%d %H:%M:%S}")
    out.print(
        f"  failed {job.finished_at.astimezone():%Y-%m-%d %H:%M:%S}, attempt {job.attempts}, "
        f"worker {escape(job.worker or 'unknown')}"
    )


@app.command()
def retry(
    collection: Collection = None,
    reason: Reason = None,
    older_than: OlderThan = None,
    limit: Limit = None,
    everything: Everything = False,
) -> None:
    """Queue failed jobs again, with all their attempts."""
    chosen = _selection(Selection(collection, reason, older_than, limit), everything=everything)
    with client() as lookalike:
        n_jobs = lookalike.operator.retry_failed(chosen)
        n_left = sum(one.n for one in lookalike.operator.failed_for(chosen))
    out.print(f"Queued again: {counted(n_jobs, 'job')}.")
    if n_left and limit is None:
        out.print(
            f"{n_left:,} stay failed: they were queries, or their image has a later job. "
            "`lookalike failed discard` drops them."
        )


@app.command()
def discard(
    collection: Collection = None,
    reason: Reason = None,
    older_than: OlderThan = None,
    limit: Limit = None,
    everything: Everything = False,
) -> None:
    """Delete failed jobs; their images stay."""
    chosen = _selection(Selection(collection, reason, older_than, limit), everything=everything)
    with client() as lookalike:
        n_jobs = lookalike.operator.discard_failed(chosen)
    out.print(f"Deleted: {counted(n_jobs, 'failed job')}. Images stay.")


@jobs_app.command()
def purge(
    done: Annotated[bool, typer.Option("--done", help="What was done.")] = False,
    failed: Annotated[bool, typer.Option("--failed", help="What failed.")] = False,
    queued: Annotated[bool, typer.Option("--queued", help="Cancel what nobody has taken.")] = False,
    collection: Collection = None,
    older_than: OlderThan = None,
    everything: Everything = False,
) -> None:
    """Delete jobs of one status; images and features stay."""
    asked = {JobStatus.DONE: done, JobStatus.FAILED: failed, JobStatus.QUEUED: queued}
    which = [status for status, is_asked in asked.items() if is_asked]
    if len(which) != 1:
        raise Rejected("expected exactly one of --done, --failed and --queued")
    _selection(Selection(collection, older_than_s=older_than), everything=everything)
    with client() as lookalike:
        n_jobs = lookalike.operator.purge(which[0], collection=collection, older_than_s=older_than)
    out.print(f"Deleted: {counted(n_jobs, f'{which[0]} job')}. Images and features stay.")


def _selection(chosen: Selection, *, everything: bool) -> Selection:
    """What was asked for; raises Rejected where that is everything by mistake."""
    if chosen.is_everything and not everything:
        raise Rejected("expected a filter, such as --collection or --older-than, or --all")
    return chosen


def _counts(reasons: list[FailedFor]) -> Table:
    table = Table("failed", "collection", "reason", "such as", box=None, pad_edge=False)
    for one in reasons:
        table.add_row(f"{one.n:,}", escape(one.collection), one.reason, escape(one.example or ""))
    return table


def _list(jobs: list[FailedJob]) -> Table:
    table = Table("job", "failed at", "reason", "image", "reference", box=None, pad_edge=False)
    for job in jobs:
        table.add_row(
            str(job.id),
            f"{job.finished_at.astimezone():%Y-%m-%d %H:%M}",
            job.error,
            "query" if job.is_query else str(job.image_id),
            escape(job.reference),
        )
    return table


def _image(job: FailedJob) -> str:
    if job.is_query:
        return "a query image: whoever searched was told; it cannot be tried again"
    again = (
        "`lookalike failed retry` queues it again" if job.is_last else "it has a later job by now"
    )
    return f"image {job.image_id}; {again}"
