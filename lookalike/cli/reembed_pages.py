"""What `lookalike reembed` says."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from lookalike.cli.ages import shown_age
from lookalike.reembedding import Change, Compared, Comparison, Estimate, Missing, Progress
from lookalike.reembedding.spaces import Space

_BAR = 40


def estimate(found: Estimate, price_per_hour: float | None) -> str:
    """How many images, how long and for how much."""
    pace = found.pace
    lines = [f"[bold]{found.n_images:,} images[/] are to be embedded in {found.space.name}."]
    if pace.per_worker_per_s is None:
        lines.append(
            "No rate of it was measured, so time and cost are unknown; the first images will tell."
        )
    else:
        lines.append(
            f"A worker of it was measured to do {pace.per_worker_per_s:,.1f} images/s; "
            f"{_workers(pace.n_workers)}: about {shown_age(pace.seconds(found.n_images))}."
        )
        hours = found.n_images / pace.per_worker_per_s / 3600
        cost = "" if price_per_hour is None else f", {hours * price_per_hour:,.2f} at that price"
        lines.append(f"That is {hours:,.2f} hours of one worker{cost}.")
    if not pace.n_workers:
        lines.append(no_worker(found.space))
    return "\n".join(lines)


def no_worker(space: Space) -> str:
    return (
        f"[yellow]No worker of {space.name} is alive[/]: start one with LOOKALIKE_ENCODER="
        f"{space.name.partition('@')[0]} lookalike worker"
    )


def progress(now: Progress) -> str:
    """How far the change is, and what may come next."""
    change = now.change
    share = now.n_other / now.n_serving if now.n_serving else 1.0
    spaces = f"from {change.old.name} to {change.new.name}"
    filled = f"{now.n_other:,} of {now.n_serving:,} images ({share:.1%})"
    lines = [
        f"{escape(change.collection)} changes {spaces}; [bold]{change.serving.name} serves[/].",
        f"In {change.other.name}: {filled}; {now.n_waiting:,} jobs wait, {now.n_failed:,} failed.",
    ]
    if now.n_left:
        lines.append(f"Time left: {shown_age(now.seconds)}, by {_workers(now.pace.n_workers)}.")
    if now.n_left and not now.pace.n_workers:
        lines.append(no_worker(change.other))
    steps = (
        "--compare, --flip or --abort" if change.flipped_at is None else "--rollback, --drop-old"
    )
    lines.append(f"Next: {steps}.")
    return "\n".join(lines)


def flipped(change: Change) -> str:
    """Which space serves now, and what is possible from here."""
    then = (
        "--flip lets the new one serve, --abort deletes it"
        if change.flipped_at is None
        else "--rollback goes back at once, --drop-old ends the change"
    )
    return f"[bold]{change.serving.name} serves[/]. {change.other.name} is kept filled too: {then}."


def missing(found: Missing) -> str:
    """What a space lacks that the other one has."""
    if not found.n:
        return f"[green]Complete[/]: {found.space.name} has every image that the other space has."
    return (
        f"{found.space.name} lacks {found.n:,} images; {found.n_failed:,} of them failed "
        "(`lookalike failed list`), the others follow."
    )


def comparison(found: Comparison, n_examples: int) -> RenderableType:
    """The mean overlap, how it is spread, and the images with the least and the most."""
    most = max(found.distribution.values())
    spread = Table("shared", "images", "", box=None, pad_edge=False)
    for n_shared, n_images in found.distribution.items():
        spread.add_row(str(n_shared), str(n_images), "█" * round(_BAR * n_images / most))
    least_shared, most_shared = found.extremes(n_examples)
    return Group(
        f"Of the {found.k} nearest of {len(found.compared)} images, both spaces share "
        f"[bold]{found.mean:.1%}[/] on average.",
        "",
        spread,
        "",
        _examples([*least_shared, *most_shared]),
    )


def _examples(compared: list[Compared]) -> Table:
    table = Table("shared", "image", "reference", "old: nearest", "new: nearest", box=None)
    for one in compared:
        old, new = (
            ", ".join(str(n.image_id) for n in nearest[:5]) for nearest in (one.old, one.new)
        )
        table.add_row(str(len(one.shared)), str(one.image_id), escape(one.reference), old, new)
    return table


def _workers(n: int) -> str:
    return "one worker" if n == 1 else f"{n} workers"
