"""Commands that erase images for good."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from lookalike.cli.context import client, out
from lookalike.cli.counts import counted
from lookalike.collections.erasure import Receipt

app = typer.Typer(
    no_args_is_help=True,
    help="Erase images or a whole collection, with features, jobs and uploads.",
)

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.command("collection")
def erase_collection(
    name: Annotated[str, typer.Argument(help="The collection.")], yes: Yes = False
) -> None:
    """Erase a collection and everything in it."""
    with client() as lookalike:
        found = [one for one in lookalike.status().collections if one.name == name]
        n_images = sum(one.n_images for one in found)
        if found and not yes:
            typer.confirm(f"Erase {name} with {counted(n_images, 'image')}, for good?", abort=True)
        with out.status("Erasing ...") as line:
            receipt = lookalike.operator.erase_collection(
                name, watch=lambda so_far: line.update(f"Erased {so_far.n_images:,} images ...")
            )
    out.print(f"[bold]{escape(name)}[/] is erased: {_said(receipt)}.")


@app.command("images")
def erase_images(
    image_ids: Annotated[list[int], typer.Argument(help="The images' ids, from a search.")],
    yes: Yes = False,
) -> None:
    """Erase single images."""
    if not yes:
        typer.confirm(f"Erase {counted(len(image_ids), 'image')}, for good?", abort=True)
    with client() as lookalike:
        receipt = lookalike.operator.erase_images(image_ids)
    out.print(f"Erased: {_said(receipt)}.")
    n_unknown = len(set(image_ids)) - receipt.n_images
    if n_unknown:
        out.print(f"[yellow]{n_unknown:,} of these ids are not known.[/]")


def _said(receipt: Receipt) -> str:
    return (
        f"{counted(receipt.n_images, 'image')}, "
        f"{counted(receipt.n_features, 'row of features', 'rows of features')}, "
        f"{counted(receipt.n_jobs, 'job')}, {counted(receipt.n_uploads, 'upload')}"
    )
