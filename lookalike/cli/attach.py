"""Commands for tables of the same database that are sources of images."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from lookalike.cli.context import client, out


def attach(
    table: Annotated[str, typer.Argument(help="The table, as SQL writes its name.")],
    url_column: Annotated[
        str, typer.Option("--url-column", "-u", help="The column that says where an image is.")
    ],
    collection: Annotated[
        str | None, typer.Option("--collection", "-c", help="By default the table's name.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="A unique column; by default the primary key.")
    ] = None,
    metadata: Annotated[
        list[str] | None,
        typer.Option("--metadata", "-m", help="A column for the metadata; may be repeated."),
    ] = None,
) -> None:
    """Follow a table: its images are embedded, and kept in step with what is written to it."""
    with client() as lookalike:
        made = lookalike.operator.attachments.attach(
            table,
            url_column=url_column,
            collection=collection or table.rpartition(".")[2].strip('"'),
            key_column=key,
            metadata_columns=metadata or (),
        )
    out.print(
        f"[bold]{escape(str(made.table))}[/] is attached to [bold]{escape(made.collection)}[/]. "
        "A relay reads what is there, and what is written from now on; "
        "[bold]lookalike attached[/] tells how far it is."
    )


def detach(
    table: Annotated[str, typer.Argument(help="The table, or the attachment's number.")],
    erase: Annotated[
        bool, typer.Option("--erase", help="Erase the images that are there for it alone.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Follow a table no longer; leaves nothing on it."""
    if erase and not yes:
        typer.confirm(f"Erase the images of {table}, for good?", abort=True)
    with client() as lookalike:
        ended = lookalike.operator.attachments.detach(table, erase=erase)
    for one in ended:
        images = "are being erased by the relay" if erase else "stay"
        out.print(
            f"{escape(str(one.table or table))} is detached from "
            f"[bold]{escape(one.collection)}[/]; its images {images}."
        )


def attached() -> None:
    """The attached tables, and how far they are."""
    with client() as lookalike:
        found = lookalike.operator.attachments.all()
    if not found:
        out.print("No table is attached.")
        return
    shown = Table("", "table", "column", "collection", "rows", "waiting", "refused", box=None)
    for one, progress in found:
        shown.add_row(
            str(one.id),
            escape(one.table or "gone: detach it"),
            escape(one.url_column),
            escape(one.collection),
            f"{progress.n_rows:,}" + ("" if one.is_filled else " so far"),
            f"{progress.n_waiting:,}",
            f"{progress.n_refused:,}",
        )
    out.print(shown)
    for one, progress in found:
        if progress.example:
            out.print(f"[yellow]{one.id}: row {escape(progress.example)}[/]")
