"""How much a search looks at, what recall and what latency that gives, and the least that will do.

Recall@k is the share of the true k nearest that a search returns. Here it is
measured on the user's own images: some of them are the queries, each left
out of its own answer, and the truth is a look at every row. A hit as near as
the k-th true neighbour counts, whichever of several equals it is.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, Engine, text

from lookalike.database import transaction
from lookalike.errors import Rejected
from lookalike.indexes import objects
from lookalike.indexes.recipes import unit
from lookalike.indexes.records import SearchIndex, find_place, serving_index
from lookalike.indexes.sampling import Sample, draw, walk


@dataclass(frozen=True, slots=True)
class Effort:
    """Candidates on the way through the index, and how many of them come into the exact order."""

    ef_search: int
    n_shortlist: int


EFFORTS = tuple(
    Effort(ef, n)
    for ef, n in (
        *((40, 20), (40, 40), (64, 40), (100, 50), (100, 75), (100, 100), (200, 100), (200, 200)),
        *((400, 200), (400, 400), (800, 400), (1000, 1000)),
    )
)
"""From hasty to thorough; pgvector takes no more than 1,000."""

# Of the distances, which Postgres computes in single precision.
_TOLERANCE = 2e-6

_TRY = """
    SELECT n.distance FROM lookalike.{name}(
        (SELECT features FROM lookalike.features_{space} WHERE image_id = {image}
            AND space_id = {space}), {k}, NULL, {image}) n
"""
_KEEP = """
    UPDATE lookalike.search_indexes
    SET ef_search = :ef_search, n_shortlist = :n_shortlist, recall = :recall, recall_k = :k,
        n_sampled = :n, measured_at = now(), recall_target = coalesce(:target, recall_target)
    WHERE id = :id
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """Recall@k over `n` queries at an effort, and the milliseconds of a search, warm."""

    effort: Effort
    recall: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class RecallReport:
    """What was measured of an index; `current` is the effort that serves."""

    index: SearchIndex
    k: int
    n: int
    current: Measured
    others: Sequence[Measured] = ()

    @property
    def pareto(self) -> list[Measured]:
        """Those to which no other is better in both recall and latency, the fastest first."""
        line: list[Measured] = []
        for one in sorted({*self.others, self.current}, key=lambda m: (m.p50_ms, -m.recall)):
            if not line or one.recall > line[-1].recall:
                line.append(one)
        return line


def measure_recall(
    engine: Engine,
    collection: str,
    *,
    k: int = 10,
    n: int = 200,
    efforts: Sequence[Effort] = (),
    seed: int = 0,
) -> RecallReport:
    """Measure the serving index of a collection, and keep what came out in its row.

    Reads every row once. Raises UnknownCollection, and Rejected where no
    index serves: then searches are exact, and recall is 1.
    """
    with transaction(engine) as connection:
        index = _serving(connection, collection)
        queries = draw(connection, index.collection_id, index.space_id, n=n, seed=seed)
        truth = _look_at_all(connection, index, queries, k)
        current, *others = _try_all(connection, index, truth, k, efforts)
        # Undoes the functions that were made to try.
        connection.rollback()
    with transaction(engine) as connection:
        _keep(connection, index, current, k, len(queries), target=None)
    return RecallReport(index, k, len(queries), current, others)


def tune(engine: Engine, report: RecallReport, *, target: float) -> RecallReport:
    """Let searches take the fastest of the measured efforts that reaches a recall.

    Raises Rejected where none does; nothing has changed then.
    """
    enough = [one for one in report.pareto if one.recall >= target]
    if not enough:
        best = max(one.recall for one in report.pareto)
        raise Rejected(
            f"no effort reaches a recall of {target:g}; the best measured is {best:.4f}: build "
            "the index anew with more dimensions, or ask for less",
            value=target,
        )
    return adopt(engine, report, enough[0], target=target)


def adopt(engine: Engine, report: RecallReport, chosen: Measured, *, target: float) -> RecallReport:
    """Let searches take one of the measured efforts, whether or not it reaches the target."""
    index = replace(
        report.index,
        ef_search=chosen.effort.ef_search,
        n_shortlist=chosen.effort.n_shortlist,
        recall_target=target,
    )
    with transaction(engine) as connection:
        objects.make_search(connection, index)
        _keep(connection, index, chosen, report.k, report.n, target=target)
    others = (*report.others, report.current)
    return replace(report, index=index, current=chosen, others=others)


def _serving(connection: Connection, collection: str) -> SearchIndex:
    index = serving_index(connection, find_place(connection, collection))
    if index is None:
        raise Rejected(
            f"no index serves the collection {collection!r}, so its searches are exact and "
            f"their recall is 1: `lookalike index build {collection}` makes one",
            value=collection,
        )
    return index


@dataclass(frozen=True, slots=True)
class _Truth:
    """Of each query, the distance of its k-th true neighbour, or of the last that there is."""

    queries: Sample
    limits: npt.NDArray[np.float32]
    n_neighbours: int


def _look_at_all(connection: Connection, index: SearchIndex, queries: Sample, k: int) -> _Truth:
    units = unit(queries.features)
    nearest = np.full((len(queries), k), np.inf, np.float32)
    n_rows = 0
    for rows in walk(connection, index.collection_id, index.space_id):
        n_rows += len(rows)
        distances = 1 - units @ unit(rows.features).T
        distances[queries.image_ids[:, None] == rows.image_ids[None, :]] = np.inf
        both = np.concatenate([nearest, distances], axis=1)
        nearest = np.partition(both, k - 1, axis=1)[:, :k]
    limits = np.where(np.isinf(nearest), -1, nearest).max(axis=1).astype(np.float32)
    return _Truth(queries, limits, min(k, n_rows - 1))


def _try_all(
    connection: Connection, index: SearchIndex, truth: _Truth, k: int, efforts: Sequence[Effort]
) -> list[Measured]:
    now = Effort(index.ef_search, index.n_shortlist)
    wanted = [now, *(one for one in efforts if one != now)]
    return [_try(connection, index, truth, k, effort) for effort in wanted]


def _try(
    connection: Connection, index: SearchIndex, truth: _Truth, k: int, effort: Effort
) -> Measured:
    name = f"trial_{index.id}_{effort.ef_search}_{effort.n_shortlist}"
    tried = replace(index, ef_search=effort.ef_search, n_shortlist=effort.n_shortlist)
    objects.make_search(connection, tried, name=name)
    shares, took_ms = [], []
    for image_id, limit in zip(truth.queries.image_ids, truth.limits, strict=True):
        statement = text(_TRY.format(name=name, space=index.space_id, image=image_id, k=k))
        for _ in range(2):  # The first reads what is not in memory yet.
            started = time.perf_counter()
            distances = connection.scalars(statement).all()
            took_s = time.perf_counter() - started
        took_ms.append(took_s * 1000)
        n_right = sum(distance <= limit + _TOLERANCE for distance in distances)
        shares.append(n_right / max(1, truth.n_neighbours))
    return Measured(
        effort,
        float(np.mean(shares)),
        float(np.percentile(took_ms, 50)),
        float(np.percentile(took_ms, 99)),
    )


def _keep(
    connection: Connection,
    index: SearchIndex,
    measured: Measured,
    k: int,
    n: int,
    *,
    target: float | None,
) -> None:
    connection.execute(
        text(_KEEP),
        {
            "id": index.id,
            "ef_search": measured.effort.ef_search,
            "n_shortlist": measured.effort.n_shortlist,
            "recall": measured.recall,
            "k": k,
            "n": n,
            "target": target,
        },
    )
