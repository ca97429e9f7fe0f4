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
    out.print(f"[bold]{escape(collection)}[/]: {made.n_points:,} images are on the map.")
