"""`Lookalike().indexes`: build, look at, measure and drop search indexes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from sqlalchemy import Engine

from lookalike.database import transaction
from lookalike.indexes.building import build_index
from lookalike.indexes.condition import IndexCondition, read_conditions
from lookalike.indexes.creating import Watch
from lookalike.indexes.effort import EFFORTS, Effort
from lookalike.indexes.quality import SearchQuality, measure_quality
from lookalike.indexes.recipes import Wish
from lookalike.indexes.records import SearchIndex, find_place, read_indexes
from lookalike.indexes.removing import drop_indexes
from lookalike.search import explain_by_image
from lookalike.search.narrowing import Narrowing


class Indexes:
    """Every method may be called again; searches go on meanwhile, exact where no index serves.

    A collection that does not exist raises UnknownCollection.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def explain(
        self,
        image_id: int,
        *,
        collection: str | None = None,
        k: int = 10,
        **narrowing: Unpack[Narrowing],
    ) -> list[str]:
        """How a search by a stored image would go, line by line: its way, and the plan of it.

        Raises as the search does.
        """
        with transaction(self._engine) as connection:
            return explain_by_image(connection, image_id, k=k, collection=collection, **narrowing)

    def build(
        self,
        collection: str,
        *,
        recipe: Wish = "auto",
        dimensions: int | None = None,
        memory_mib: int = 1024,
        watch: Watch = lambda _: None,
    ) -> SearchIndex:
        """Build an index, or go on with a build that was broken off; one that serves stays.

        Raises Rejected where there are too few images, and Unavailable
        while another process builds.
        """
        with transaction(self._engine) as connection:
            place = find_place(connection, collection)
            here = [
                index
                for index in read_indexes(connection, collection)
                if index.space_id == place.space_id and index.state != "retired"
            ]
        if [index.state for index in here] == ["serving"]:
            return here[0]
        return self.rebuild(
            collection, recipe=recipe, dimensions=dimensions, memory_mib=memory_mib, watch=watch
        )

    def rebuild(
        self,
        collection: str,
        *,
        recipe: Wish = "auto",
        dimensions: int | None = None,
        memory_mib: int = 1024,
        watch: Watch = lambda _: None,
    ) -> SearchIndex:
        """Fit and build anew beside the index that serves, and then take its place."""
        return build_index(
            self._engine,
            collection,
            recipe=recipe,
            dimensions=dimensions,
            memory_mib=memory_mib,
            watch=watch,
        )

    def drop(self, collection: str) -> int:
        """Drop a collection's indexes, built or half built; how many there were."""
        with transaction(self._engine) as connection:
            spaces = {
                (index.collection_id, index.space_id)
                for index in read_indexes(connection, collection)
            }
        return sum(drop_indexes(self._engine, *place) for place in sorted(spaces))

    def status(self, collection: str | None = None, *, look: bool = True) -> list[IndexCondition]:
        """How the indexes stand; without `look`, nothing is read to see whether they drifted."""
        with transaction(self._engine) as connection:
            return read_conditions(connection, collection, look=look)

    def recall(
        self,
        collection: str,
        *,
        k: int = 10,
        n: int = 200,
        efforts: Sequence[Effort] = EFFORTS,
        tune: float | None = None,
    ) -> SearchQuality:
        """Measure recall and latency on the collection's own images, and keep what came out.

        `tune`: let searches take the fastest effort that reaches this
        recall; raises Rejected where none does.
        """
        return measure_quality(self._engine, collection, k=k, n=n, efforts=efforts, target=tune)
