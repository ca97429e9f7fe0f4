"""`lookalike key …`: who may use the HTTP API."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lookalike.callers.api_keys import ApiKey
from lookalike.cli.ages import parse_age, shown_age
from lookalike.cli.context import client, out
from lookalike.cli.context import show as show_page

app = typer.Typer(no_args_is_help=True, help="Make, list and revoke keys to the HTTP API.")


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Whose it is, or what for.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(help="read, write or admin; again for several. Else read alone."),
    ] = None,
    expires: Annotated[
        float | None,
        typer.Option(parser=parse_age, metavar="AGE", help="In 90d, say; else never."),
    ] = None,
) -> None:
    """Make a key; its secret is printed this once, alone on standard output."""
    with client() as lookalike:
        made = lookalike.operator.keys.create(name, scope or ["read"], expires_in_s=expires)
    # Beside the secret, so that a script gets that alone.
    Console(stderr=True, soft_wrap=True, highlight=False).print(
        f"Key {made.key.id} of {escape(name)} for {', '.join(made.key.scopes)}, which expires "
        f"{_when(made.key.expires_at, 'never')}. Keep it now: it is not shown again."
    )
    print(made.secret)


@app.command("list")
def list_keys(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Show all keys, by the first characters of their secrets."""
    with client() as lookalike:
        keys = lookalike.operator.keys.all()
    if as_json:
        for key in keys:
            print(json.dumps(dataclasses.asdict(key), default=datetime.isoformat))
        return
    if keys:
        show_page(_page(keys))
    else:
        out.print("There is no key: `lookalike key create NAME --scope read --scope write`.")


@app.command()
def revoke(key_id: Annotated[int, typer.Argument(min=1, help="The key's id.")]) -> None:
    """End a key for good: every API refuses it within seconds."""
    with client() as lookalike:
        key = lookalike.operator.keys.revoke(key_id)
    out.print(f"Key {key.id} of {escape(key.name)} is revoked; it stops within 10 seconds.")


def _page(keys: list[ApiKey]) -> Table:
    table = Table("id", "name", "key", "scopes", "state", "created", "last used", box=None)
    for key in keys:
        table.add_row(
            str(key.id),
            escape(key.name),
            f"{escape(key.hint)}…",
            ", ".join(key.scopes),
            _state(key),
            _when(key.created_at, ""),
            _ago(key.last_used_at),
        )
    return table


def _state(key: ApiKey) -> str:
    if key.revoked_at is not None:
        return f"[red]revoked[/] {_when(key.revoked_at, '')}"
    if key.expires_at is None:
        return "good"
    if key.expires_at <= datetime.now(UTC):
        return f"[red]expired[/] {_when(key.expires_at, '')}"
    return f"good until {_when(key.expires_at, '')}"


def _when(at: datetime | None, otherwise: str) -> str:
    return otherwise if at is None else f"{at.astimezone(UTC):%Y-%m-%d}"


def _ago(at: datetime | None) -> str:
    return "never" if at is None else f"{shown_age((datetime.now(UTC) - at).total_seconds())} ago"
