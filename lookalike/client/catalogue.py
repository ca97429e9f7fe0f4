"""What there is: the collections, their images page by page, and the feature spaces."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Engine

from lookalike import collections
from lookalike.collections import Collection, pages, spaces
from lookalike.collections.pages import ImagePage
from lookalike.collections.spaces import ServedSpace
from lookalike.database import transaction
from lookalike.maps import CollectionMap, MapPoint, read_map, read_points
from lookalike.queue.watching import JobWatch


class Catalogue:
    """`Lookalike().catalogue`; everything here only reads."""

    def __init__(self, engine: Engine, database_url: str, *, lease_s: float) -> None:
        self._engine = engine
        self._url = database_url
        self._lease_s = lease_s

    def collections(self) -> list[Collection]:
        """All collections, by name."""
        with transaction(self._engine) as connection:
            return collections.list_collections(connection)

    def collection(self, name: str) -> Collection:
        """One collection; raises UnknownCollection."""
        with transaction(self._engine) as connection:
            return collections.read_collection(connection, name)

    def images(
        self,
        collection: str,
        *,
        after: str = "",
        limit: int = 100,
        filter: Mapping[str, object] | None = None,  # noqa: A002 - as a search calls it
    ) -> ImagePage:
        """The next images of a collection, by their references in byte order.

        With `filter`, those whose metadata contain it: a page may then be
        short, or empty, and not be the last. Raises UnknownCollection and
        FilterInvalid.
        """
        with transaction(self._engine) as connection:
            return pages.list_images(
                connection, collection, after=after, limit=limit, filter=filter
            )

    def map(self, collection: str) -> CollectionMap:
        """How a collection's map stands; raises UnknownCollection and UnknownMap."""
        with transaction(self._engine) as connection:
            return read_map(connection, collection)

    def map_points(self, collection: str) -> list[MapPoint]:
        """Where the images of a collection lie on its map, by id; 10,000 at most.

        None before the first map is made. Raises UnknownCollection.
        """
        with transaction(self._engine) as connection:
            return read_points(connection, collection)

    def watch(self) -> JobWatch:
        """What tells any number of listeners which jobs have ended; close it at its end."""
        return JobWatch(self._engine, self._url)

    def spaces(self) -> list[ServedSpace]:
        """The feature spaces: who works in each, and which collections serve it."""
        with transaction(self._engine) as connection:
            return spaces.list_spaces(connection, lease_s=self._lease_s)
