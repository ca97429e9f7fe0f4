"""`lookalike reembed`: change a collection's encoder while it is searched."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from lookalike.bars import progress_bar
from lookalike.cli import reembed_pages as pages
from lookalike.cli.context import client, out, settings, show, stopping
from lookalike.cli.index import watched
from lookalike.client import Lookalike
from lookalike.errors import Misconfigured, Rejected, WaitedTooLong
from lookalike.reembedding import Comparison, Estimate, Reembedding

_LOOK_S = 1.0
_SAMPLE_S = 600.0
_N_EXAMPLES = 3


def reembed(  # noqa: PLR0913, PLR0917 - one option a step, and what they need
    collection: Annotated[str, typer.Argument(help="The collection's name.")],
    encoder: Annotated[
        str | None,
        typer.Option(
            help="Begin: fill this encoder's space, or one named in full, encoder@digest."
        ),
    ] = None,
    price_per_hour: Annotated[
        float | None, typer.Option(min=0, help="Of one worker's machine; shows what it costs.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Begin without a question.")] = False,
    wait: Annotated[bool, typer.Option(help="Watch until all is filled.")] = True,
    compare: Annotated[bool, typer.Option("--compare", help="Compare neighbours of both.")] = False,
    sample: Annotated[int, typer.Option(min=1, help="So many images are compared.")] = 100,
    picture: Annotated[
        Path | None, typer.Option(help="Draw examples of the comparison into this PNG.")
    ] = None,
    index: Annotated[
        bool, typer.Option("--index", help="Build a search index in the new space.")
    ] = False,
    flip: Annotated[bool, typer.Option("--flip", help="Let the new space serve.")] = False,
    rollback: Annotated[bool, typer.Option("--rollback", help="Let the old one again.")] = False,
    drop_old: Annotated[
        bool, typer.Option("--drop-old", help="After the flip: end it, delete the old features.")
    ] = False,
    abort: Annotated[
        bool, typer.Option("--abort", help="Before the flip: end it, delete the new features.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also where images would be lost to searches.")
    ] = False,
) -> None:
    """Change a collection's encoder while it is searched; without options, show how far it is."""
    looks = compare or picture is not None
    if sum((encoder is not None, looks, index, flip, rollback, drop_old, abort)) > 1:
        raise Rejected("found several steps; expected one at a time")
    with client() as lookalike:
        change = lookalike.reembedding(collection)
        if encoder is not None:
            _begin(lookalike, change, encoder, price_per_hour, yes=yes)
            if wait:
                _watch(change)
        elif looks:
            _compare(change, sample, picture)
        elif index:
            built = watched(lambda watch: change.build_index(watch=watch))
            out.print(f"Index {built.id} is ready for searches in {built.space}.")
        elif flip:
            out.print(pages.flipped(change.flip(force=force)))
        elif rollback:
            out.print(pages.flipped(change.rollback()))
            out.print(pages.missing(change.missing(in_serving=True)))
        elif drop_old or abort:
            n_features = (change.drop_old if drop_old else change.abort)(force=force)
            out.print(f"The features of {n_features:,} images are deleted; the change has ended.")
        else:
            out.print(pages.progress(change.progress()))


def _begin(
    lookalike: Lookalike,
    change: Reembedding,
    encoder: str,
    price_per_hour: float | None,
    *,
    yes: bool,
) -> None:
    if change.find() is None:
        estimate = _estimate(lookalike, change, encoder)
        out.print(pages.estimate(estimate, price_per_hour))
        if not yes:
            typer.confirm("Begin?", abort=True)
    begun = change.start(encoder)
    out.print(f"{begun.serving.name} serves; {begun.other.name} is filled beside it.")


def _estimate(lookalike: Lookalike, change: Reembedding, encoder: str) -> Estimate:
    """From rates that were seen; where there are none, from a sample."""
    estimate = change.estimate(encoder)
    if estimate.pace.per_worker_per_s is not None or not estimate.pace.n_workers:
        return estimate
    jobs = change.enqueue_sample(encoder)
    out.print(
        f"No rate of {estimate.space.name} was measured yet: {len(jobs)} images are embedded with "
        "it for that alone."
    )
    try:
        lookalike.wait(jobs, timeout_s=_SAMPLE_S)
    except WaitedTooLong as error:
        out.print(f"[yellow]{escape(str(error))}[/]")
    return change.estimate(encoder)


def _watch(change: Reembedding) -> None:
    """A bar until everything is embedded, or failed, in the space that is filled, or Ctrl-C."""
    now = change.progress()
    if not now.pace.n_workers:
        out.print(pages.no_worker(now.change.other))
    stop = stopping()
    n_shown = now.n_other
    with progress_bar("embedding", now.n_left, "images", out) as advance:
        while now.n_waiting or now.n_left > now.n_failed:
            if stop.wait(_LOOK_S):
                break
            now = change.progress()
            advance(max(0, now.n_other - n_shown))
            n_shown = max(n_shown, now.n_other)
    if stop.is_set():
        out.print("It goes on without this command: `lookalike reembed` shows how far it is.")
    else:
        out.print(pages.missing(change.missing()))


def _compare(change: Reembedding, n_images: int, picture: Path | None) -> None:
    images = change.draw(n_images)
    if not images:
        raise Rejected("no image has features in both spaces yet: wait until some are embedded")
    compared = []
    with progress_bar("comparing", len(images), "images", out) as advance:
        for one in change.compare(images):
            compared.append(one)
            advance(1)
    comparison = Comparison(10, tuple(compared))
    show(pages.comparison(comparison, _N_EXAMPLES))
    if picture is not None:
        _draw(change, comparison, picture)


def _draw(change: Reembedding, comparison: Comparison, picture: Path) -> None:
    if find_spec("PIL") is None or find_spec("pi_heif") is None:
        raise Misconfigured("Pillow is not installed: pip install 'lookalike[worker]'")
    from lookalike.demo.comparison_sheet import write_comparison

    running = change.find()
    assert running is not None
    least, most = comparison.extremes(_N_EXAMPLES)
    n_empty = write_comparison(
        picture,
        running,
        [*least, *most],
        file_roots=settings().file_roots,
        upload=change.upload,
    )
    out.print(f"Drawn: {escape(str(picture))}")
    if n_empty:
        out.print(
            f"[yellow]{n_empty} pictures cannot be read here[/]: they are neither uploads nor "
            "files below LOOKALIKE_FILE_ROOTS."
        )
