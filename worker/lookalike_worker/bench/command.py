"""`lookalike encoder bench`: which runtime is the fastest here, by measuring."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from lookalike.settings import Settings
from lookalike_worker.bench.measuring import Figures, measure_apart, runtimes_of
from lookalike_worker.modules.sources import resolve
from lookalike_worker.runtimes.choose import choose
from lookalike_worker.runtimes.loading import ask_for_gpus
from lookalike_worker.runtimes.machine import this_machine

out = Console(soft_wrap=True, highlight=False)


def bench(
    encoder: Annotated[str, typer.Argument(help="As LOOKALIKE_ENCODER, its default.")] = "",
    untrained: Annotated[bool, typer.Option("--untrained", help="Random weights.")] = False,
    batch: Annotated[
        list[int] | None, typer.Option(help="Images given at once; may be repeated.")
    ] = None,
) -> None:
    """Measure each runtime of this machine: images/s, memory, and how faithful it is."""
    settings = Settings.load()
    settings = settings.model_copy(
        update={
            "encoder": encoder or settings.encoder,
            "untrained": untrained or settings.untrained,
        }
    )
    module = resolve(
        settings.encoder, untrained=settings.untrained, cache=settings.home / "encoders"
    )
    machine = ask_for_gpus(this_machine())
    choice = choose(machine, architecture=module.architecture)
    batches = tuple(batch or (1, 8))
    out.print(
        f"{module.space} on {machine.processor}, {settings.threads or machine.n_cores} threads"
    )
    measured = []
    for runtime, precision in runtimes_of(machine, architecture=module.architecture):
        out.print(f"measuring {runtime} in {precision} ...", style="dim")
        asked = settings.model_copy(update={"runtime": runtime, "precision": precision})
        measured.append(measure_apart(asked, batches))
    out.print(_table(measured, batches))
    for one in measured:
        if one.refusal:
            out.print(f"[yellow]{one.runtime} does not serve it[/]: {escape(one.refusal)}")
    out.print(f"`auto` takes {choice.runtime}: {choice.reason}; fp32 where bf16 does not serve.")


def _table(measured: list[Figures], batches: tuple[int, ...]) -> Table:
    table = Table(Column("runtime", no_wrap=True), *(f"images/s by {n}" for n in batches), box=None)
    for column in ("batch size", "peak MiB", "least cosine"):
        table.add_column(column)
    for one in measured:
        rates = one.images_per_s or {}
        table.add_row(
            one.runtime,
            *(f"{rates[n]:.2f}" if n in rates else "–" for n in batches),
            str(one.batch_size or "–"),
            f"{one.peak_rss_mib:,.0f}" if rates else "–",
            f"{one.cosine:.6f}" if rates else "–",
        )
    return table
