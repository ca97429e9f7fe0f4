"""Sees to the indexes of all collections: builds, measures, tunes, fits anew, tidies up.

for each collection, one process at a time:
    many images without an index ──► build
    recall measured long ago     ──► measure ── enough ──► rest
                                        └ below its target ──► warn, and then
             drifted or outgrown ──► fit anew, beside the index that serves
             else                ──► the fastest effort that reaches it
             none does           ──► a wider key
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

import structlog
from sqlalchemy import Engine, text

from lookalike.database import tallies, transaction
from lookalike.errors import Rejected, StoreUnavailable, Unavailable
from lookalike.indexes.alone import alone
from lookalike.indexes.building import build_index
from lookalike.indexes.condition import captured_now
from lookalike.indexes.creating import Watch
from lookalike.indexes.decisions import (
    Case,
    Plan,
    Policy,
    first_step,
    is_outlived,
    refit_of,
    target_of,
    wider_than,
)
from lookalike.indexes.effort import EFFORTS, Effort, RecallReport, adopt, measure_recall, tune
from lookalike.indexes.records import Place, SearchIndex, find_place, read_indexes
from lookalike.indexes.removing import drop_retired

# Of ten neighbours each: recall is then right to about half a hundredth.
_N_QUERIES = 100

What = Literal["built", "measured", "tuned", "refitted", "below target", "put off"]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Care:
    """What was done for a collection's index, and how it stands then.

    `captured_ratio` is what its axes keep now as a share of what they kept
    when they were fitted; `why` tells what puts it off.
    """

    collection: str
    what: What
    recall: float | None = None
    target: float | None = None
    captured_ratio: float | None = None
    why: str = ""


def upkeep(engine: Engine, policy: Policy, *, watch: Watch = lambda _: None) -> Iterator[Care]:
    """Look at each collection, and do what its index needs; what was done, as it is done.

    A collection that another process sees to is left to it. Whatever `watch`
    raises breaks a build off, which the next round goes on with. Raises
    StoreUnavailable in an outage.
    """
    with transaction(engine) as connection:
        places = [
            find_place(connection, name)
            for name in connection.scalars(
                text("SELECT name FROM lookalike.collections WHERE space_id IS NOT NULL ORDER BY 1")
            )
        ]
        now = connection.execute(text("SELECT now()")).scalar_one()
    for place in places:
        with alone(engine, "lookalike.upkeep", place.collection_id) as is_mine:
            care = _see_to(_Turn(engine, place, policy, watch, now)) if is_mine else None
        if care is not None:
            yield care
    drop_retired(engine, timeout_s=5)


def _see_to(turn: _Turn) -> Care | None:
    try:
        care = turn.run()
    except StoreUnavailable:
        raise
    except (Rejected, Unavailable) as error:
        care = Care(turn.place.collection, "put off", why=f"{error.reason}: {error}")
    if care is not None:
        log.info("index seen to", **_fields(care))
    return care


def _fields(care: Care) -> dict[str, object]:
    known = {name: value for name, value in asdict(care).items() if value not in (None, "")}
    return {
        name: round(value, 4) if isinstance(value, float) else value
        for name, value in known.items()
    }


@dataclass(frozen=True, slots=True)
class _Turn:
    """One look at one collection."""

    engine: Engine
    place: Place
    policy: Policy
    watch: Watch
    now: datetime

    def run(self) -> Care | None:
        case = self._read()
        match first_step(case, self.policy, self.now):
            case "build":
                # Also where one serves: its successor was broken off.
                self._build(None)
                return self._settle("built")
            case "measure":
                return self._measure(case)
            case _:
                return None

    def _read(self) -> Case:
        with transaction(self.engine) as connection:
            indexes = [
                index
                for index in read_indexes(connection, self.place.collection)
                if index.space_id == self.place.space_id
            ]
            n_rows = tallies.count_features(
                connection, self.place.collection_id, self.place.space_id
            )
        serving = next((index for index in indexes if index.state == "serving"), None)
        unfinished = any(index.state in ("filling", "building") for index in indexes)
        return Case(n_rows, serving, unfinished)

    def _measure(self, case: Case) -> Care:
        report = self._recall()
        index, recall = report.index, report.current.recall
        target, captured_ratio = target_of(index, self.policy), self._captured_ratio(index)
        if recall >= target:
            return Care(self.place.collection, "measured", recall, target, captured_ratio)
        self._warn(recall, target, captured_ratio)
        if self._may_build and is_outlived(
            index, n_rows=case.n_rows, captured_ratio=captured_ratio
        ):
            self._build(refit_of(index, n_rows=case.n_rows))
            return self._settle("refitted", target)
        return self._settle("tuned", target)

    def _settle(self, what: What, target: float | None = None) -> Care:
        """Tune to the target; where no effort reaches it, build a wider key and tune that."""
        while True:
            report = self._recall(EFFORTS)
            wanted = target_of(report.index, self.policy) if target is None else target
            # The line of the best ends with the highest recall.
            best = report.pareto[-1]
            if best.recall >= wanted:
                report = tune(self.engine, report, target=wanted)
                break
            plan = wider_than(report.index, n_rows=self._read().n_rows)
            if plan is None or not self._may_build:
                # As near to it as can be.
                report = adopt(self.engine, report, best, target=wanted)
                what = "below target"
                self._warn(best.recall, wanted, self._captured_ratio(report.index))
                break
            self._build(plan)
            what = "refitted"
        return Care(
            self.place.collection,
            what,
            report.current.recall,
            wanted,
            self._captured_ratio(report.index),
        )

    @property
    def _may_build(self) -> bool:
        return self.policy.index_rows > 0

    def _build(self, plan: Plan | None) -> None:
        build_index(
            self.engine,
            self.place.collection,
            recipe=plan.recipe if plan else "auto",
            dimensions=plan.dimensions if plan else None,
            watch=self.watch,
        )

    def _recall(self, efforts: tuple[Effort, ...] = ()) -> RecallReport:
        # Other queries each day: an effort is not tuned to the same hundred for ever.
        seed = self.now.toordinal()
        return measure_recall(
            self.engine, self.place.collection, n=_N_QUERIES, efforts=efforts, seed=seed
        )

    def _captured_ratio(self, index: SearchIndex) -> float:
        with transaction(self.engine) as connection:
            now = captured_now(connection, index)
        return now / index.captured if index.captured else 1.0

    def _warn(self, recall: float, target: float, captured_ratio: float) -> None:
        log.warning(
            "recall_below_target",
            collection=self.place.collection,
            recall=round(recall, 4),
            target=target,
            captured_ratio=round(captured_ratio, 3),
        )
