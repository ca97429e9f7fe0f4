"""What searches of a collection are worth: recall, and latency beside that of an exact search."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, Engine, text

from lookalike.database import tallies, transaction
from lookalike.errors import Rejected
from lookalike.indexes.decisions import RECALL_TARGET
from lookalike.indexes.effort import EFFORTS, Effort, RecallReport, measure_recall, tune
from lookalike.indexes.records import Place, find_place, serving_index
from lookalike.indexes.sampling import draw

# Of a million images an exact search takes seconds: some percentile, and not for ever.
_MOST_S = 10.0

_SEARCH = "SELECT count(*) FROM nearest_images(CAST(:id AS bigint), :k, exact => :exact)"


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds of a search by an image's id, over `n` queries, warm."""

    p50_ms: float
    p99_ms: float
    n: int


@dataclass(frozen=True, slots=True)
class SearchQuality:
    """`now` is the latency of `nearest_images` as it serves; `exact`, of a look at every row.

    `report` is None where no index serves: then searches are exact.
    """

    collection: str
    n_rows: int
    k: int
    now: Latency
    exact: Latency
    report: RecallReport | None

    @property
    def recall(self) -> float:
        """Recall@k as it serves."""
        return 1.0 if self.report is None else self.report.current.recall

    @property
    def target(self) -> float:
        """What was asked for when it was tuned last, else the default."""
        asked = None if self.report is None else self.report.index.recall_target
        return RECALL_TARGET if asked is None else asked

    @property
    def is_enough(self) -> bool:
        return self.recall >= self.target


def measure_quality(
    engine: Engine,
    collection: str,
    *,
    k: int = 10,
    n: int = 200,
    efforts: Sequence[Effort] = EFFORTS,
    target: float | None = None,
) -> SearchQuality:
    """Measure a collection's searches on its own images; with a target, tune them to it first.

    Raises UnknownCollection, and Rejected where no effort reaches the target
    or the collection has not two images.
    """
    with transaction(engine) as connection:
        place = find_place(connection, collection)
        has_index = serving_index(connection, place) is not None
        n_rows = tallies.count_features(connection, place.collection_id, place.space_id)
    if n_rows < 2:
        raise Rejected(
            f"the collection {collection!r} has {n_rows} images with features; recall is measured "
            "on 2 at least",
            value=n_rows,
        )
    report = None
    if has_index:
        report = measure_recall(engine, collection, k=k, n=n, efforts=efforts)
        if target is not None:
            report = tune(engine, report, target=target)
    with transaction(engine) as connection:
        now = _time(connection, place, k=k, n=n, exact=False)
        exact = _time(connection, place, k=k, n=n, exact=True) if has_index else now
    return SearchQuality(collection, n_rows, k, now, exact, report)


def _time(connection: Connection, place: Place, *, k: int, n: int, exact: bool) -> Latency:
    image_ids = draw(connection, place.collection_id, place.space_id, n=n, seed=0).image_ids
    took_ms: list[float] = []
    # The first time, a session plans, and reads what is not in memory yet.
    for image_id in [image_ids[0], *image_ids]:
        started = time.perf_counter()
        connection.execute(text(_SEARCH), {"id": int(image_id), "k": k, "exact": exact}).one()
        took_ms.append((time.perf_counter() - started) * 1000)
        if sum(took_ms) > _MOST_S * 1000 and len(took_ms) > 1:
            break
    warm = took_ms[1:]
    return Latency(float(np.percentile(warm, 50)), float(np.percentile(warm, 99)), len(warm))
