"""What a run says while it goes on, and in the end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lookalike.bars import progress_bar
from lookalike_worker.finetune.outcome import Outcome
from lookalike_worker.finetune.pixels import Unreadable
from lookalike_worker.finetune.progress import Epoch
from lookalike_worker.finetune.run import Watcher
from lookalike_worker.modules.entries import Entry

# A thousand lines about thumbnails' indexes would hide the one that matters.
_NAMED = 20


def watcher(out: Console) -> Watcher:
    """Bars while something runs; a line for each epoch; a line for each unreadable picture."""

    def bar(what: str, n_images: int) -> AbstractContextManager[Callable[[int], None]]:
        return progress_bar(f"{what:<16}", n_images, "images", out)

    def unreadable(pictures: tuple[Unreadable, ...]) -> None:
        if pictures:
            out.print(f"[yellow]{len(pictures)} files are no pictures and are left out:[/]")
        for picture in pictures[:_NAMED]:
            out.print(f"  {escape(picture.name)}: {escape(picture.reason)}")
        if len(pictures) > _NAMED:
            out.print(f"  and {len(pictures) - _NAMED} more")

    def epoch(one: Epoch) -> None:
        out.print(_line(one))

    return Watcher(bar, unreadable, epoch)


def show_outcome(out: Console, outcome: Outcome, entry: Entry, folder: Path) -> None:
    """Print what was gained, where the new encoder is and how to use it."""
    out.print(_table(outcome))
    out.print(_what_it_is(outcome))
    out.print(f"[bold]{escape(entry.name)}[/] is in the cache, with its labels: {entry.directory}")
    if outcome.is_new_space:
        out.print(f"Curve and log: {folder / 'curve.png'}, {folder / 'log.jsonl'}")
        out.print(
            f"Next: [bold]LOOKALIKE_ENCODER={escape(entry.record.encoder)} lookalike up[/], and "
            "add the images again: features of another encoder cannot be compared with these."
        )
    out.print(f"[dim]{folder} may be removed; it holds checkpoints and decoded pixels.[/]")


def _line(one: Epoch) -> str:
    judged = (
        f"validation loss {one.validation_loss:.3f}, accuracy {100 * one.validation_accuracy:.1f} %"
    )
    if one.number == 0:
        return f"the head alone: {judged}"
    trained = f"training loss {one.training_loss:.3f}, {one.images_per_s:.1f} images/s"
    return f"epoch {one.number}: {judged}; {trained}"


def _table(outcome: Outcome) -> Table:
    table = Table(f"of {outcome.n_validation} validation pictures", "before", "after", box=None)
    before, after = outcome.before, outcome.after
    for what, old, new in (
        ("label by the head is right", before.head, after.head),
        ("nearest neighbour has the label", before.nearest, after.nearest),
    ):
        table.add_row(what, f"{100 * old:.1f} %", f"{100 * new:.1f} %")
    return table


def _what_it_is(outcome: Outcome) -> str:
    if outcome.is_new_space:
        n_epochs = outcome.progress.epochs[-1].number
        return (
            f"The weights of epoch {outcome.progress.best} of {n_epochs} were the best; "
            f"{outcome.n_training} training pictures, {outcome.images_per_s:.1f} images/s, "
            f"{outcome.at_once} on the device at a time."
        )
    if not outcome.progress.epochs:
        return "The weights and features are what they were: only a head with labels is new."
    return (
        "No epoch had a lower validation loss than the head alone, so the weights were left as "
        "they were and only a head with labels is new. More pictures, a smaller --learning-rate "
        "or a larger --batch-size may help."
    )
