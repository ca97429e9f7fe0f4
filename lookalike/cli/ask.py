"""Commands that add images and search for them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from lookalike.bars import progress_bar
from lookalike.cli.context import client, out
from lookalike.cli.counts import counted
from lookalike.client import DEFAULT_COLLECTION, Lookalike
from lookalike.client.inputs import ImageLike
from lookalike.errors import FilterInvalid, Rejected, WaitedTooLong
from lookalike.jobs import Job, JobStatus
from lookalike.queue import Enqueued
from lookalike.search.narrowing import Narrowing
from lookalike.sources.finding import images_in, names_many

Collection = Annotated[str, typer.Option("--collection", "-c", help="The collection's name.")]


def add(
    images: Annotated[
        list[str],
        typer.Argument(
            help="Files, http(s) URLs, folders and patterns: photos, s3://bucket/*.jpg."
        ),
    ],
    collection: Collection = DEFAULT_COLLECTION,
    upload: Annotated[
        bool, typer.Option(help="Send the bytes, for workers that cannot read these paths.")
    ] = False,
    wait: Annotated[bool, typer.Option(help="Wait until every image is done or failed.")] = True,
) -> None:
    """Add images to a collection and watch them being embedded."""
    with client() as lookalike:
        found = chain.from_iterable(map(_expanded, images))
        added = list(lookalike.add_many(found, collection=collection, upload=upload))
        new = [one for one in added if one.is_new]
        out.print(
            f"{counted(len(added), 'image')} in [bold]{escape(collection)}[/]: "
            f"{len(new):,} enqueued, {len(added) - len(new):,} there already."
        )
        if len(added) == 1:
            out.print(f"image {added[0].image_id}, job {added[0].job_id}")
        if any(one.name == collection and one.paused for one in lookalike.status().collections):
            out.print("[yellow]The collection is paused[/]: `lookalike resume` lets it go on.")
        if wait and new and report(watch(lookalike, new)):
            raise typer.Exit(1)


def search(  # noqa: PLR0913, PLR0917 - each is an option on the command line
    image: Annotated[str | None, typer.Argument(help="A picture: file or http(s) URL.")] = None,
    image_id: Annotated[int | None, typer.Option("--id", help="A stored image's id.")] = None,
    collection: Annotated[str | None, typer.Option("--collection", "-c")] = None,
    k: Annotated[int, typer.Option("-k", help="How many neighbours.")] = 10,
    filter_json: Annotated[
        str | None, typer.Option("--filter", help="What the metadata contain, as JSON.")
    ] = None,
    predicate: Annotated[
        str | None, typer.Option(help="A jsonpath that is true for the metadata: '$.price < 20'.")
    ] = None,
    threshold: Annotated[float | None, typer.Option(help="The largest distance.")] = None,
    exact: Annotated[bool, typer.Option("--exact", help="Use no index.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Find the nearest images to a picture, or to an image that is stored."""
    if (image is None) == (image_id is None):
        raise Rejected("give either a picture or --id, not both")
    narrowing: Narrowing = {
        "filter": parsed_filter(filter_json),
        "predicate": predicate,
        "threshold": threshold,
        "exact": exact,
    }
    with client() as lookalike:
        found = lookalike.search(image, image_id=image_id, collection=collection, k=k, **narrowing)
    if as_json:
        for n in found:
            out.print_json(
                json.dumps({"image_id": n.image_id, "distance": n.distance, "ref": n.reference}),
                indent=None,
            )
        return
    table = Table("distance", "image", "reference", box=None)
    for n in found:
        table.add_row(f"{n.distance:.4f}", str(n.image_id), escape(n.reference))
    out.print(table if found else "No image matches.")
    if found.n_missing:
        out.print(f"{len(found)} of {k}: no more images match.")


def watch(lookalike: Lookalike, added: list[Enqueued]) -> list[Job]:
    """Show a bar with rate and time left until all jobs are final; gives the jobs."""
    ids = [one.job_id for one in added if one.job_id is not None]
    done: list[Job] = []
    with progress_bar("embedding", len(ids), "images", out) as advance:
        # In portions, so that the bar moves; the relay serves jobs in this same order.
        for portion in _portions(ids, max(1, min(64, len(ids) // 20))):
            done += _patiently(lookalike, portion)
            advance(len(portion))
    return done


def report(jobs: list[Job]) -> int:
    """Print the failures, a few of each reason; gives their number."""
    failed = [job for job in jobs if job.status is JobStatus.FAILED]
    for job in failed[:10]:
        out.print(f"[red]failed[/] image {job.image_id}: {job.error}: {escape(job.message or '')}")
    if len(failed) > 10:
        out.print(f"… and {len(failed) - 10} more: lookalike failed list")
    return len(failed)


def _patiently(lookalike: Lookalike, ids: list[int]) -> list[Job]:
    while True:
        try:
            return lookalike.wait(ids, timeout_s=60)
        except WaitedTooLong:
            if not lookalike.status().workers:
                out.print("[yellow]No worker is alive[/]: start one with `lookalike worker`.")


def parsed_filter(text: str | None) -> Mapping[str, object] | None:
    """The filter of a command line; the search judges whether it is a mapping."""
    try:
        parsed: Mapping[str, object] | None = None if text is None else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FilterInvalid(
            f'the filter is no JSON ({error}); expected an object: \'{{"colour": "red"}}\'',
            value=text,
        ) from error
    return parsed


def _portions(ids: list[int], n: int) -> Iterator[list[int]]:
    return (ids[i : i + n] for i in range(0, len(ids), n))


def _expanded(given: str) -> Iterator[ImageLike]:
    if not names_many(given):
        yield given
        return
    n_found = 0
    for n_found, image in enumerate(images_in(given), 1):  # noqa: B007 - read when all are there
        yield image
    if not n_found:
        raise Rejected(
            f"no picture is in {given}: expected a folder with files named .jpg, .png, …, or a "
            "pattern that some match",
            value=given,
        )
