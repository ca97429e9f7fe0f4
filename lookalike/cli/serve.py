"""Commands that run parts of the system: all in one, or one part each."""

from __future__ import annotations

import logging
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from lookalike.cli.context import out, settings, stopping
from lookalike.errors import Misconfigured
from lookalike.settings import environment
from lookalike.telemetry.logs import configure_logs

Encoder = Annotated[
    str | None,
    typer.Option(
        help="nasnet_large, efficientnet_lite0, auto, or another source: docs/encoders.md."
    ),
]
Untrained = Annotated[
    bool, typer.Option("--untrained", help="Seeded random weights, to try the graph's speed.")
]

_NOT_ASKED = "Its API asks for no key, since it listens to this machine alone."
_ASKED = "Its API asks for a key: lookalike key create NAME --scope read --scope write"


def up(encoder: Encoder = None, untrained: Untrained = False) -> None:
    """Run everything on this machine until Ctrl-C: servers, relay, worker, upkeep and API."""
    from lookalike.local.stack import Stack

    configure_logs()
    chosen = settings(encoder=encoder, untrained=untrained or None)
    stop = stopping()
    with Stack(chosen) as stack:
        out.print(f"lookalike is up: [bold]{stack.api_url}[/]")
        out.print(_ASKED if stack.asks_for_keys else _NOT_ASKED)
        out.print("In another terminal: lookalike add FOLDER; lookalike search IMAGE; ")
        out.print(f"logs in {chosen.home}/logs; Ctrl-C ends it.")
        stack.supervise(stop)


def demo(
    images: Annotated[Path | None, typer.Option(help="A folder of your own pictures.")] = None,
    encoder: Encoder = None,
    untrained: Untrained = False,
) -> None:
    """Show the whole way on real photographs, and leave nothing running."""
    from lookalike.demo.run import run_demo

    configure_logs(level=logging.WARNING)
    encoder = encoder or environment().get("LOOKALIKE_ENCODER") or "auto"
    chosen = settings(encoder=encoder, untrained=untrained or None, api_port=0)
    if not run_demo(chosen, images, out):
        raise typer.Exit(1)


def worker(encoder: Encoder = None, untrained: Untrained = False) -> None:
    """Run one worker: it loads the encoder and takes jobs until SIGTERM."""
    _become("lookalike_worker", "worker", "tensorflow", encoder=encoder, untrained=untrained)


def encoder(context: typer.Context) -> None:
    """Manage encoders: list, add, verify, remove and more; `lookalike encoder --help`."""
    _require("lookalike_worker", "worker", "httpx")
    _replace_process("lookalike_worker.commands", context.args, environment())


def api() -> None:
    """Run the HTTP API."""
    _become("lookalike_api", "api", "fastapi")


def relay() -> None:
    """Run a relay: it publishes what is ready and frees what dead workers held."""
    from lookalike.relay import run_relay

    configure_logs()
    run_relay(settings(), stopping())


def upkeep(
    every: Annotated[
        float | None, typer.Option(min=1, metavar="SECONDS", help="Again and again; else once.")
    ] = None,
) -> None:
    """See to the search indexes: build, measure, tune and fit them anew where they need it."""
    from lookalike.caretaker import run_caretaker, run_once

    configure_logs(level=logging.WARNING if every is None else logging.INFO)
    if every is not None:
        run_caretaker(settings(), stopping(), every_s=every)
        return
    n_seen_to = 0
    for care in run_once(settings(), stopping()):
        n_seen_to += 1
        recall = "" if care.recall is None else f", recall@10 {care.recall:.4f} of {care.target:g}"
        out.print(escape(f"{care.collection}: {care.what}{recall}{care.why and f': {care.why}'}"))
    if not n_seen_to:
        out.print("No index needs anything.")


def migrate() -> None:
    """Bring the database to this release's schema; doing it again changes nothing."""
    from lookalike.database import translated
    from lookalike.tables import SCHEMA_VERSION
    from lookalike_migrations import migrate as run_migrations

    with translated():
        run_migrations(settings().require_database())
    out.print(f"The database's schema is at version {SCHEMA_VERSION}.")


def _become(package: str, extra: str, needed: str, **overrides: object) -> None:
    """Replace this process by a part's own, so that signals and the process id are its own."""
    _require(package, extra, needed)
    given = {name: value for name, value in overrides.items() if value not in (None, False)}
    _replace_process(package, [], environment() | settings(**given).environment())


def _require(package: str, extra: str, needed: str) -> None:
    if find_spec(package) is None or find_spec(needed) is None:
        raise Misconfigured(
            f"{needed} is not installed: pip install 'lookalike[{extra}]'", value=needed
        )


def _replace_process(module: str, arguments: list[str], variables: dict[str, str]) -> None:
    sys.stdout.flush()
    os.execve(  # noqa: S606
        sys.executable, [sys.executable, "-m", module, *arguments], variables
    )
