"""The command that lays a collection out."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from lookalike.cli.context import client, out


def make(
    collection: Annotated[str, typer.Argument(help="The collection.")] = "default",
) -> None:
    """Lay a collection out as a map, in place of the one before."""
    with client() as lookalike, out.status("Laying out ..."):
        made = lookalike.operator.make_map(collection)
    on_it = f"{made.n_points:,} of {made.n_images:,} images are on the map"
    out.print(f"[bold]{escape(collection)}[/]: {on_it}.")
