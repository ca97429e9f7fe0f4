"""`lookalike webhook …`: who is told when jobs end."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lookalike.cli.ages import parse_age, shown_age
from lookalike.cli.context import client, out, settings
from lookalike.cli.context import show as show_page
from lookalike.cli.counts import counted

if TYPE_CHECKING:
    from lookalike.webhooks.operations import NewSecret
    from lookalike.webhooks.records import Delivery, Webhook

app = typer.Typer(no_args_is_help=True, help="Tell other programs, by HTTP, when jobs end.")

Id = Annotated[int, typer.Argument(metavar="ID", min=1, help="The webhook's id.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


@app.command()
def add(
    url: Annotated[str, typer.Argument(help="Where to; http(s)://host/path.")],
    collection: Annotated[
        str | None, typer.Option("--collection", "-c", help="By default all of them.")
    ] = None,
    event: Annotated[
        list[str] | None, typer.Option(help="done or failed; again for both, the default.")
    ] = None,
    every: Annotated[
        float,
        typer.Option(min=0, metavar="SECONDS", help="What ends within this goes in one request."),
    ] = 5.0,
) -> None:
    """Tell a URL of jobs that end from now on; the secret is printed this once, on its own."""
    with client() as lookalike:
        made = lookalike.operator.webhooks.add(
            url, collection=collection, events=event or ("done", "failed"), every_s=every
        )
    _print_secret(made, f"Webhook {made.webhook.id} is told of what ends from now on.")


@app.command("list")
def list_webhooks(as_json: AsJson = False) -> None:
    """Show all webhooks, and how it goes with each."""
    with client() as lookalike:
        webhooks = lookalike.operator.webhooks.all()
    if as_json:
        _print_json(webhooks)
    elif webhooks:
        show_page(_webhooks(webhooks))
    else:
        out.print("There is no webhook: `lookalike webhook add URL`.")


@app.command()
def remove(webhook_id: Id) -> None:
    """Tell a webhook nothing more, and forget what waits for it."""
    with client() as lookalike:
        webhook = lookalike.operator.webhooks.remove(webhook_id)
    out.print(f"Webhook {webhook.id}, {escape(webhook.url)}, is removed.")


@app.command()
def test(webhook_id: Id) -> None:
    """Send a signed test from this machine; exit status 1 where it is not taken."""
    with client() as lookalike:
        answer = lookalike.operator.webhooks.test(webhook_id, allow_hosts=settings().allow_hosts)
    if answer.is_taken:
        out.print(f"[green]Taken[/]: HTTP {answer.status}.")
        return
    out.print(f"[red]Not taken[/]: {escape(answer.error)}")
    raise typer.Exit(1)


@app.command()
def rotate(
    webhook_id: Id,
    overlap: Annotated[
        float | None,
        typer.Option(parser=parse_age, metavar="AGE", help="The old one signs so long; else 1d."),
    ] = None,
    now: Annotated[bool, typer.Option("--now", help="It leaked: it signs nothing more.")] = False,
) -> None:
    """Make another secret; the one before signs as well for a day, so that you can change it."""
    overlap_s = 0 if now else 86_400 if overlap is None else overlap
    with client() as lookalike:
        made = lookalike.operator.webhooks.rotate(webhook_id, overlap_s=overlap_s)
    _print_secret(made, f"Webhook {made.webhook.id} has another secret.")


@app.command()
def enable(webhook_id: Id) -> None:
    """Tell a webhook again that was disabled, and what waits for it at once."""
    with client() as lookalike:
        webhook = lookalike.operator.webhooks.enable(webhook_id)
    waiting = counted(webhook.n_pending, "delivery waits", "deliveries wait")
    out.print(f"Webhook {webhook.id} is told again; {waiting} for it.")


@app.command()
def deliveries(
    webhook_id: Annotated[
        int | None, typer.Argument(metavar="[ID]", min=1, help="By default all webhooks'.")
    ] = None,
    dead: Annotated[bool, typer.Option("--dead", help="Those that had all their tries.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Show what has not been taken, the oldest first."""
    with client() as lookalike:
        found = lookalike.operator.webhooks.deliveries(webhook_id, dead_only=dead, limit=limit)
    if as_json:
        _print_json(found)
    elif found:
        show_page(_deliveries(found))
    else:
        out.print("Everything that was told has been taken.")


@app.command()
def retry(webhook_id: Id) -> None:
    """Send dead deliveries again, with all their tries; enables the webhook too."""
    with client() as lookalike:
        n = lookalike.operator.webhooks.retry(webhook_id)
    out.print(f"{counted(n, 'delivery is', 'deliveries are')} sent again.")


def _print_secret(made: NewSecret, what: str) -> None:
    # Beside the secret, so that a script gets that alone.
    Console(stderr=True, soft_wrap=True, highlight=False).print(
        f"{what} Keep its secret now: it is not shown again."
    )
    print(made.secret)


def _print_json(rows: Iterable[Webhook | Delivery]) -> None:
    for row in rows:
        print(json.dumps(dataclasses.asdict(row), default=datetime.isoformat))


def _webhooks(webhooks: Iterable[Webhook]) -> Table:
    table = Table(
        *("id", "URL", "collection", "events", "state", "delivered", "pending", "dead"), box=None
    )
    for one in webhooks:
        table.add_row(
            str(one.id),
            escape(one.url),
            escape(one.collection or "all"),
            ", ".join(one.events),
            _state(one),
            f"{one.n_delivered:,}",
            f"{one.n_pending:,}",
            f"{one.n_dead:,}",
        )
    return table


def _state(webhook: Webhook) -> str:
    if webhook.disabled_at is not None:
        return f"[red]disabled[/]: {escape(webhook.disabled_why or '')}"
    if webhook.n_failures:
        return f"[yellow]failed {webhook.n_failures}×[/]: {escape(webhook.error or '')}"
    return "good" if webhook.delivered_at else "new"


def _deliveries(found: Iterable[Delivery]) -> Table:
    table = Table("id", "webhook", "message", "jobs", "tries", "made", "next", "error", box=None)
    for one in found:
        table.add_row(
            str(one.id),
            str(one.webhook_id),
            one.message_id,
            str(one.n_jobs),
            str(one.attempts),
            f"{shown_age((datetime.now(UTC) - one.created_at).total_seconds())} ago",
            "[red]dead[/]" if one.next_at is None else _until(one.next_at),
            escape(one.error or ""),
        )
    return table


def _until(at: datetime) -> str:
    left_s = (at - datetime.now(UTC)).total_seconds()
    return "now" if left_s <= 0 else f"in {shown_age(left_s)}"
