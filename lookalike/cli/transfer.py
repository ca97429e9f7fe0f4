"""Commands that take a collection out into a file, and in again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from lookalike.bars import progress_bar
from lookalike.cli.context import client, out
from lookalike.cli.counts import counted


def export(
    collection: Annotated[str, typer.Argument(help="The collection's name.")],
    file: Annotated[Path, typer.Argument(help="Where to write; a file there is replaced.")],
    uploads: Annotated[
        bool,
        typer.Option("--uploads", help="Take the bytes of uploaded images along."),
    ] = False,
) -> None:
    """Write a collection's images and features to a Parquet file.

    References, metadata, image keys and features, as they stand at one
    moment; images without features are not among them. The pictures
    themselves stay where they are: of images that were uploaded the bytes
    are lost to the importer unless you give --uploads.
    """
    with client() as lookalike, _watched("exporting") as watch:
        n = lookalike.operator.export_collection(collection, file, uploads=uploads, watch=watch)
    written = f"{counted(n, 'image')} of [bold]{escape(collection)}[/]"
    out.print(f"{written} written to {escape(str(file))}.")


def import_file(
    file: Annotated[Path, typer.Argument(help="What `lookalike export` wrote.")],
    collection: Annotated[
        str | None,
        typer.Option("--collection", "-c", help="Into this one; else of the same name."),
    ] = None,
) -> None:
    """Store the images and features of an exported file; nothing is embedded again.

    Into a new collection, or one of the same feature space. May be broken
    off and repeated.
    """
    with client() as lookalike, _watched("importing") as watch:
        n = lookalike.operator.import_collection(file, collection=collection, watch=watch)
    out.print(f"{counted(n, 'image')} stored from {escape(str(file))}.")


@contextmanager
def _watched(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar that appears once it is known how many there are."""
    n_shown = 0
    advance: Callable[[int], None] | None = None
    with ExitStack() as stack:

        def watch(n_done: int, n_images: int) -> None:
            nonlocal n_shown, advance
            if advance is None:
                advance = stack.enter_context(progress_bar(what, n_images, "images", out))
            advance(n_done - n_shown)
            n_shown = n_done

        yield watch
