"""`lookalike encoder …`: the encoders in the cache, added, checked and removed."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lookalike.cli import run
from lookalike.errors import InvalidSetting, LookalikeError
from lookalike.settings import Settings
from lookalike.telemetry.logs import configure_logs
from lookalike_worker.bench.command import bench
from lookalike_worker.finetune.command import finetune
from lookalike_worker.modules import entries as cached
from lookalike_worker.modules.audit import audit
from lookalike_worker.modules.building import Wishes, obtain
from lookalike_worker.modules.entries import Entry
from lookalike_worker.modules.progress import DownloadBar
from lookalike_worker.modules.sources import find_source

app = typer.Typer(
    name="lookalike encoder",
    help="Encoders: where they come from, what is in the cache, whether it is sound.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    rich_markup_mode="rich",
)
out = Console(soft_wrap=True, highlight=False)

Name = Annotated[str, typer.Argument(help="An entry's name, as `lookalike encoder list` shows it.")]


@app.command("list")
def list_(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Show the encoders in the cache."""
    found = cached.entries(_cache())
    if as_json:
        for entry in found:
            out.print_json(json.dumps(_row(entry)), indent=None)
        return
    table = Table(box=None)
    for column in ("name", "feature space", "dims", "input", "weights", "labels", "MB"):
        table.add_column(column, no_wrap=True)
    table.add_column("source", overflow="fold")
    for entry in found:
        row = _row(entry)
        weights = "trained" if row["trained"] else "untrained"
        labels = "yes" if row["has_labels"] else "no"
        cells = (row["name"], row["space"], row["dimensions"], row["input_size"], weights, labels)
        table.add_row(*map(str, cells), f"{entry.record.n_bytes / 1e6:,.0f}", _sources(entry))
    if found:
        # Two names take 62 characters: a narrow terminal breaks lines better than cells are.
        Console(width=max(out.width, 140), highlight=False).print(table)
    else:
        out.print("The cache has no encoders yet: lookalike encoder add SOURCE")
    for name in cached.unreadable(_cache()):
        out.print(f"[yellow]{name}[/] is damaged or of another release: it can be removed.")


@app.command()
def add(
    source: Annotated[
        str,
        typer.Argument(
            help="nasnet_large, efficientnet_lite0, an https or kaggle: handle, or the path of a "
            "SavedModel folder, a .tar.gz, Keras weights (.h5) or a TF-Slim checkpoint."
        ),
    ],
    name: Annotated[str, typer.Option(help="What to call the encoder.")] = "",
    sha256: Annotated[str, typer.Option(help="What the file must have.")] = "",
    labels: Annotated[
        Path | None, typer.Option(help="A classifier's labels, one a line.", exists=True)
    ] = None,
    untrained: Annotated[
        bool, typer.Option("--untrained", help="Random weights, or a source that has such.")
    ] = False,
) -> None:
    """Get an encoder, verify it, and keep it: it then works without its source and offline."""
    cache = _cache()
    out.print("A new encoder is looked at with TensorFlow, which takes up to a minute.")
    with DownloadBar(out) as bar:
        found = find_source(
            source, untrained=untrained, cache=cache, sha256=sha256, on_progress=bar.show
        )
        wishes = Wishes(name, labels, untrained=untrained, sound=True)
        entry = obtain(cache, found, wishes)
    out.print(f"[bold]{entry.name}[/]: {_summary(entry)}")
    out.print(f"To use it: LOOKALIKE_ENCODER={entry.name}")


@app.command()
def verify(
    name: Annotated[str, typer.Argument(help="An entry's name; by default all are verified.")] = "",
) -> None:
    """Hash the files and run the golden images again; exit status 2 if something differs."""
    n_problems = 0
    for entry in [_entry(name)] if name else cached.entries(_cache()):
        try:
            out.print(f"[green]ok[/]      {entry.name}: {audit(_cache(), entry)}")
        except LookalikeError as error:
            n_problems += 1
            out.print(f"[red]problem[/] {entry.name}: {escape(str(error))}")
    if n_problems:
        raise typer.Exit(2)


@app.command()
def remove(name: Name) -> None:
    """Remove an encoder from the cache; features in the database stay."""
    entry = _entry(name) if name not in cached.unreadable(_cache()) else None
    cached.remove(_cache(), entry.name if entry else name)
    freed = f", {entry.record.n_bytes / 1e6:,.0f} MB" if entry else ""
    out.print(f"Removed {entry.name if entry else name}{freed}.")


app.command()(bench)
app.command()(finetune)


def _cache() -> Path:
    return Settings.load().home / "encoders"


def _entry(name: str) -> Entry:
    entry = cached.find_name(_cache(), name)
    if entry is None:
        names = ", ".join(one.name for one in cached.entries(_cache())) or "none at all"
        raise InvalidSetting(
            f"no encoder in the cache is called {name!r}; expected one of those there: {names}",
            value=name,
        )
    return entry


def _row(entry: Entry) -> dict[str, object]:
    record = entry.record
    return {
        "name": entry.name,
        "space": record.space().name,
        "dimensions": record.dimensions,
        "input_size": record.input_size,
        "trained": record.trained,
        "architecture": record.architecture,
        "has_labels": record.has_head,
        "n_bytes": record.n_bytes,
        "sources": [origin.source for origin in record.origins],
    }


def _summary(entry: Entry) -> str:
    record = entry.record
    return (
        f"{'trained' if record.trained else 'untrained'} weights, {record.input_size} x "
        f"{record.input_size} pixels to {record.dimensions:,} features"
        f"{', with labels' if record.has_head else ''}, {record.n_bytes / 1e6:,.0f} MB"
    )


def _sources(entry: Entry) -> str:
    return escape("\n".join(origin.source for origin in entry.record.origins))


def main() -> None:
    """Run a command of `lookalike encoder`."""
    configure_logs(level=30)
    run(partial(app, prog_name="lookalike encoder"))


if __name__ == "__main__":
    main()
