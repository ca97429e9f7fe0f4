"""`lookalike index …`: build, look at and drop search indexes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from lookalike.bars import step_bars
from lookalike.cli.ages import shown_age
from lookalike.cli.context import client, out
from lookalike.cli.context import show as show_page
from lookalike.client import Lookalike
from lookalike.errors import Rejected
from lookalike.indexes import RECALL_TARGET, BuildStep, IndexCondition, SearchIndex, Wish

app = typer.Typer(no_args_is_help=True, help="Build, look at and drop search indexes.")

# How a shell reports what Ctrl-C has ended.
_INTERRUPTED = 130
_N_QUERIES = 100

_STEPS = {
    "fit": "fitting the keys",
    "keys": "writing keys",
    "index": "building the index",
    "serving": "serving",
}

Collection = Annotated[str, typer.Argument(help="The collection's name.")]
Recipe = Annotated[
    str, typer.Option(help="pca, bits, or auto: pca from 2,000 images on; docs/search.md.")
]
Dimensions = Annotated[int | None, typer.Option(min=8, max=4000, help="Of a key of pca; else 96.")]
Memory = Annotated[
    int, typer.Option("--memory", min=64, metavar="MIB", help="That Postgres may build it in.")
]
Target = Annotated[
    float,
    typer.Option(min=0, max=1, help="Recall@10 that it is tuned to afterwards; 0: not measured."),
]


@app.command()
def build(
    collection: Collection,
    recipe: Recipe = "auto",
    dimensions: Dimensions = None,
    memory_mib: Memory = 1024,
    target: Target = RECALL_TARGET,
) -> None:
    """Build an index, or go on with a build that was broken off; searches go on meanwhile."""
    with client() as lookalike:
        before = [one.index.id for one in lookalike.indexes.status(collection, look=False)]
        index = watched(
            lambda watch: lookalike.indexes.build(
                collection,
                recipe=_wish(recipe),
                dimensions=dimensions,
                memory_mib=memory_mib,
                watch=watch,
            )
        )
        if before == [index.id] and index.measured_at is not None:
            out.print(
                f"{_named(index)} serves already: `lookalike index rebuild` fits it anew, "
                "`lookalike recall` measures it."
            )
            return
        _tell(lookalike, index, target)


@app.command()
def rebuild(
    collection: Collection,
    recipe: Recipe = "auto",
    dimensions: Dimensions = None,
    memory_mib: Memory = 1024,
    target: Target = RECALL_TARGET,
) -> None:
    """Fit and build anew beside the index that serves, and then take its place."""
    with client() as lookalike:
        index = watched(
            lambda watch: lookalike.indexes.rebuild(
                collection,
                recipe=_wish(recipe),
                dimensions=dimensions,
                memory_mib=memory_mib,
                watch=watch,
            )
        )
        _tell(lookalike, index, target)


@app.command()
def status(
    collection: Annotated[str | None, typer.Argument(help="One collection; else all.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Show the indexes: state, size beside the features, effort, recall and drift."""
    with client() as lookalike:
        conditions = lookalike.indexes.status(collection)
    if as_json:
        for one in conditions:
            print(json.dumps(_fields(one), default=datetime.isoformat))
        return
    if conditions:
        show_page(_page(conditions))
    else:
        out.print("There is no index, so searches are exact: `lookalike index build COLLECTION`.")


@app.command()
def drop(
    collection: Collection,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Drop a collection's index; its searches are exact then. Images and features stay."""
    with client() as lookalike:
        if not lookalike.indexes.status(collection, look=False):
            out.print(f"{escape(collection)} has no index.")
            return
        if not yes:
            typer.confirm(f"Drop the index of {collection}?", abort=True)
        n_dropped = lookalike.indexes.drop(collection)
    out.print(f"{n_dropped} dropped: searches of {escape(collection)} are exact now.")


def _wish(recipe: str) -> Wish:
    match recipe:
        case "auto" | "pca" | "bits":
            return recipe
        case _:
            raise Rejected(f"found the recipe {recipe!r}; expected auto, pca or bits", value=recipe)


def watched(build: Callable[[Callable[[BuildStep], None]], SearchIndex]) -> SearchIndex:
    """Build with a bar for each step; Ctrl-C leaves what is done, to go on with."""
    try:
        with step_bars(out) as show:
            return build(lambda step: show(_STEPS[step.name], step.done, step.total))
    except KeyboardInterrupt:
        out.print("Broken off. What is done stays: the same command goes on where it stood.")
        raise typer.Exit(_INTERRUPTED) from None


def _tell(lookalike: Lookalike, index: SearchIndex, target: float) -> None:
    out.print(f"{_named(index)} serves.")
    if not target:
        return
    try:
        quality = lookalike.indexes.recall(index.collection, n=_N_QUERIES, tune=target)
    except Rejected as error:
        out.print(f"[yellow]Below its target[/]: {escape(str(error))}")
        return
    out.print(
        f"recall@{quality.k} {quality.recall:.4f} on {_N_QUERIES} of its own images, "
        f"{quality.now.p50_ms:.1f} ms; exact searches take {quality.exact.p50_ms:.1f} ms."
    )


def _named(index: SearchIndex) -> str:
    return f"Index {index.id} of {escape(index.collection)}, {_recipe(index)}"


def _recipe(index: SearchIndex) -> str:
    unit = "dimensions" if index.recipe == "pca" else "long"
    return f"{index.recipe} {index.dimensions} {unit}"


def _page(conditions: list[IndexCondition]) -> Table:
    table = Table("collection", "index", "state", "recipe", box=None, pad_edge=False)
    for name in ("images", "index MiB", "keys MiB", "features MiB", "smaller", "effort"):
        table.add_column(name, justify="right")
    for name in ("recall", "measured", "drift"):
        table.add_column(name)
    for one in conditions:
        index = one.index
        table.add_row(
            escape(index.collection),
            str(index.id),
            _state(one),
            f"{index.recipe} {index.dimensions}",
            f"{one.n_rows:,}",
            *(f"{n / 2**20:,.1f}" for n in (one.index_bytes, one.keys_bytes, one.features_bytes)),
            "–" if one.size_ratio is None else f"{one.size_ratio:.1f}×",
            f"{index.ef_search}/{index.n_shortlist}",
            *_recall(index),
            _drift(one),
        )
    return table


def _state(one: IndexCondition) -> str:
    if one.phase is None:
        return one.index.state
    share = "" if one.progress is None else f", {one.progress:.0%}"
    return f"[yellow]{one.index.state}[/]: {one.phase}{share}"


def _recall(index: SearchIndex) -> tuple[str, str]:
    if index.recall is None or index.measured_at is None:
        return "not measured", ""
    target = "" if index.recall_target is None else f" of {index.recall_target:g}"
    is_short = index.recall_target is not None and index.recall < index.recall_target
    colour = "red" if is_short else "green"
    age_s = (datetime.now(UTC) - index.measured_at).total_seconds()
    return f"[{colour}]@{index.recall_k} {index.recall:.4f}[/]{target}", f"{shown_age(age_s)} ago"


def _drift(one: IndexCondition) -> str:
    if one.captured_now is None:
        return ""
    return f"captures {one.captured_now:.3f} of {one.index.captured:.3f} at the fit"


def _fields(one: IndexCondition) -> dict[str, object]:
    return {
        **dataclasses.asdict(one.index),
        **{k: v for k, v in dataclasses.asdict(one).items() if k != "index"},
        "size_ratio": one.size_ratio,
        "captured_ratio": one.captured_ratio,
    }
