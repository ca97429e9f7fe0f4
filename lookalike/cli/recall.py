"""`lookalike recall`: what searches find of what they should, and how fast."""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from lookalike.cli.context import client, out
from lookalike.cli.context import show as show_page
from lookalike.indexes import Latency, Measured, SearchQuality
from lookalike.indexes.plots import check_plot, plot_quality


def recall(
    collection: Annotated[str, typer.Argument(help="The collection's name.")],
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="Neighbours of a search.")] = 10,
    queries: Annotated[int, typer.Option(min=1, help="Images of its own that are searched.")] = 200,
    tune: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Serve the fastest effort with this recall from now on."),
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="A PNG of recall against latency.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Measure recall and latency; exit status 1 where recall is below the target.

    The target is what the index was tuned to last, else 0.99.
    """
    if plot is not None:
        check_plot(plot)
    with client() as lookalike:
        quality = lookalike.indexes.recall(collection, k=k, n=queries, tune=tune)
    if plot is not None:
        plot_quality(quality, plot)
    if as_json:
        print(json.dumps(_fields(quality), default=datetime.isoformat))
    else:
        _print(quality, plot)
    if not quality.is_enough:
        raise typer.Exit(1)


def _print(quality: SearchQuality, plot: Path | None) -> None:
    name = f"[bold]{escape(quality.collection)}[/], {quality.n_rows:,} images"
    if quality.report is None:
        out.print(f"{name}: no index serves, so searches are exact and recall@{quality.k} is 1.")
        out.print(f"A search takes {_latency(quality.exact)}.")
        out.print(f"`lookalike index build {escape(quality.collection)}` makes an index.")
    else:
        colour = "green" if quality.is_enough else "red"
        out.print(
            f"{name}: recall@{quality.k} [{colour}]{quality.recall:.4f}[/] over "
            f"{quality.report.n} queries; the target is {quality.target:g}."
        )
        out.print(f"A search takes {_latency(quality.now)}; exact, {_latency(quality.exact)}.")
        show_page(_efforts(quality.report.pareto, quality.report.current, quality.k))
    if plot is not None:
        out.print(f"The plot is {escape(str(plot))}.")


def _latency(latency: Latency) -> str:
    return f"{latency.p50_ms:.1f} ms (p99 {latency.p99_ms:.1f}, {latency.n} queries)"


def _efforts(line: list[Measured], current: Measured, k: int) -> Table:
    table = Table("ef_search", "shortlist", box=None, pad_edge=False)
    for name in (f"recall@{k}", "p50 ms", "p99 ms"):
        table.add_column(name, justify="right")
    table.add_column("")
    # The one that serves is shown, even where another is better in both.
    for one in sorted({*line, current}, key=lambda m: m.p50_ms):
        table.add_row(
            str(one.effort.ef_search),
            str(one.effort.n_shortlist),
            f"{one.recall:.4f}",
            f"{one.p50_ms:.2f}",
            f"{one.p99_ms:.2f}",
            "serves" if one == current else "",
        )
    return table


def _fields(quality: SearchQuality) -> dict[str, object]:
    report = quality.report
    return {
        "collection": quality.collection,
        "n_rows": quality.n_rows,
        "k": quality.k,
        "recall": quality.recall,
        "target": quality.target,
        "is_enough": quality.is_enough,
        "now": dataclasses.asdict(quality.now),
        "exact": dataclasses.asdict(quality.exact),
        "index": None if report is None else dataclasses.asdict(report.index),
        "n_queries": None if report is None else report.n,
        "current": None if report is None else dataclasses.asdict(report.current),
        "pareto": [] if report is None else [dataclasses.asdict(one) for one in report.pareto],
    }
