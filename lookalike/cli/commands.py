"""All commands on one page; each room of this folder holds a group of them."""

from __future__ import annotations

import typer

from lookalike.cli import ask, inspect, serve

app = typer.Typer(
    name="lookalike",
    help="Enqueue images, have them embedded by workers, find the nearest ones.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    rich_markup_mode="rich",
)

app.command()(serve.up)
app.command()(serve.demo)
app.command()(ask.add)
app.command()(ask.search)
app.command()(inspect.status)
app.command()(inspect.why)
app.command()(inspect.doctor)
app.command(
    # The worker's package reads them: it may not be installed here.
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
)(serve.encoder)
app.command()(serve.worker)
app.command()(serve.relay)
app.command()(serve.api)
app.command()(serve.migrate)
