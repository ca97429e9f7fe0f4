"""All commands on one page; each room of this folder holds a group of them."""

from __future__ import annotations

import typer

from lookalike.cli import (
    ask,
    attach,
    duplicates,
    erase,
    failed,
    index,
    inspect,
    keys,
    mapping,
    operate,
    recall,
    reembed,
    serve,
    status,
    transfer,
    webhooks,
)

app = typer.Typer(
    name="lookalike",
    help="Enqueue images, have them embedded by workers, find the nearest ones.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    rich_markup_mode="rich",
)

_USE, _LOOK, _OPERATE, _RUN = "Use", "Look", "Operate", "Run"

app.command(rich_help_panel=_USE)(ask.add)
app.command(rich_help_panel=_USE)(ask.search)
app.command(rich_help_panel=_USE)(duplicates.duplicates)
app.command(rich_help_panel=_USE)(attach.attach)
app.command(rich_help_panel=_USE)(attach.detach)
app.command(rich_help_panel=_LOOK)(status.status)
app.command(rich_help_panel=_LOOK)(attach.attached)
app.command(rich_help_panel=_LOOK)(recall.recall)
app.command("map", rich_help_panel=_LOOK)(mapping.make)
app.command(rich_help_panel=_LOOK)(inspect.why)
app.command(rich_help_panel=_LOOK)(inspect.doctor)
app.command(rich_help_panel=_OPERATE)(operate.pause)
app.command(rich_help_panel=_OPERATE)(operate.resume)
app.command(rich_help_panel=_OPERATE)(operate.drain)
app.command(rich_help_panel=_OPERATE)(operate.limit)
app.command(rich_help_panel=_OPERATE)(duplicates.calibrate)
app.add_typer(index.app, name="index", rich_help_panel=_OPERATE)
app.command(rich_help_panel=_OPERATE)(transfer.export)
app.command("import", rich_help_panel=_OPERATE)(transfer.import_file)
app.add_typer(erase.app, name="erase", rich_help_panel=_OPERATE)
app.command(rich_help_panel=_OPERATE)(reembed.reembed)
app.add_typer(keys.app, name="key", rich_help_panel=_OPERATE)
app.add_typer(webhooks.app, name="webhook", rich_help_panel=_OPERATE)
app.add_typer(failed.app, name="failed", rich_help_panel=_OPERATE)
app.add_typer(failed.jobs_app, name="jobs", rich_help_panel=_OPERATE)
app.command(rich_help_panel=_RUN)(serve.up)
app.command(rich_help_panel=_RUN)(serve.demo)
app.command(rich_help_panel=_RUN)(serve.worker)
app.command(rich_help_panel=_RUN)(serve.relay)
app.command(rich_help_panel=_RUN)(serve.upkeep)
app.command(rich_help_panel=_RUN)(serve.api)
app.command(rich_help_panel=_RUN)(serve.migrate)
app.command(
    # The worker's package reads them: it may not be installed here.
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
    rich_help_panel=_RUN,
)(serve.encoder)
