"""Commands that find images that are the same, and measure what that means."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from lookalike.cli.context import client, out, settings
from lookalike.cli.context import show as show_page
from lookalike.client import Lookalike
from lookalike.errors import Misconfigured, Rejected
from lookalike.search.duplicates import Tier


def duplicates(
    image_id: Annotated[int | None, typer.Argument(help="A stored image's id.")] = None,
    collection: Annotated[
        str | None, typer.Option("--collection", "-c", help="Without an id: all its pairs.")
    ] = None,
    k: Annotated[int, typer.Option("-k", help="How many of one image.")] = 100,
    tier: Annotated[Tier, typer.Option(help="Which pairs of a collection.")] = Tier.IDENTICAL,
    after: Annotated[int, typer.Option(min=0, help="Pairs from beyond this image on.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Find what is the same as an image, or every pair in a collection that is."""
    if image_id is None and collection is None:
        raise Rejected("expected an image's id, or --collection for all of its pairs")
    with client() as lookalike:
        if image_id is not None:
            _show_duplicates(lookalike, image_id, collection, k, as_json)
        elif collection is not None:
            _show_pairs(lookalike, collection, tier, after, as_json)


def calibrate(
    collection: Annotated[str, typer.Argument(help="The collection's name.")],
    sample: Annotated[int, typer.Option(min=10, max=1000, help="So many images.")] = 30,
) -> None:
    """Measure which distances mean near-duplicate and similar, by edits of some of the images.

    Needs Pillow, a worker, and images whose bytes can be read here: uploads
    and files.
    """
    try:
        from lookalike.calibrating.measuring import calibrate as measure
    except ModuleNotFoundError as error:
        raise Misconfigured(
            f"found no {error.name}; expected what opens pictures: pip install lookalike[demo]"
        ) from error
    found = measure(settings(), collection, n_images=sample, out=out)
    table = Table("tier", "distance at most", "measured on", box=None)
    table.add_row(
        "near-duplicate", f"{found.near_duplicate_distance:.4f}", f"{found.n_edits} edited copies"
    )
    table.add_row(
        "similar", f"{found.similar_distance:.4f}", f"{found.n_others} nearest other images"
    )
    out.print(table)
    if not found.is_separate:
        out.print(
            f"[yellow]Edited copies and other images are not apart[/]: {found.share_lost:.0%} of "
            "the edits are farther from their originals than that."
        )


def _show_duplicates(
    lookalike: Lookalike, image_id: int, collection: str | None, k: int, as_json: bool
) -> None:
    found = lookalike.duplicates(image_id, collection=collection, k=k)
    if as_json:
        for one in found:
            print(json.dumps(dataclasses.asdict(one)))
        return
    table = Table("tier", "distance", "image", "reference", box=None)
    for one in found:
        table.add_row(one.tier, f"{one.distance:.4f}", str(one.image_id), escape(one.reference))
    if found:
        show_page(table)
    else:
        out.print(f"Nothing is the same as image {image_id}.")
    if not found.is_calibrated:
        out.print("Only identical images: `lookalike calibrate` measures what near-duplicates are.")


def _show_pairs(
    lookalike: Lookalike, collection: str, tier: Tier, after: int, as_json: bool
) -> None:
    n_pairs = 0
    # Line by line: a large collection has more pairs than a table should hold.
    for n_pairs, pair in enumerate(  # noqa: B007 - counted
        lookalike.duplicate_pairs(collection, tier=tier, after=after), start=1
    ):
        if as_json:
            print(json.dumps(dataclasses.asdict(pair)))
        else:
            out.print(
                f"{pair.distance:.4f}  {pair.image_id} {pair.reference}  "
                f"{pair.other_id} {pair.other_reference}",
                markup=False,
            )
    if not as_json:
        out.print(f"{n_pairs:,} pairs.")
