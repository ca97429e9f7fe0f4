"""`Lookalike().reembedding(collection)`: the steps of a change, as an operator takes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from lookalike.database import transaction
from lookalike.database.naming import find_collection
from lookalike.images import ImageRef
from lookalike.indexes import SearchIndex, Watch, build_index
from lookalike.reembedding import changes, comparing, dropping, estimating
from lookalike.reembedding.changes import Change, find_change, read_change
from lookalike.reembedding.comparing import Compared
from lookalike.reembedding.estimating import Estimate
from lookalike.reembedding.missing import Missing, count_missing
from lookalike.reembedding.progress import Progress, read_progress
from lookalike.reembedding.spaces import Space, find_space
from lookalike.store import load_upload


class Reembedding:
    """One collection's change of encoder; every method raises UnknownCollection without one.

    What does not fit how far the change is raises ReembeddingRefused.
    """

    def __init__(self, engine: Engine, collection: str, *, lease_s: float) -> None:
        self._engine = engine
        self._collection = collection
        self._lease_s = lease_s

    def estimate(self, encoder: str) -> Estimate:
        """What it takes to change to an encoder, or to a feature space by its full name.

        Raises UnknownFeatureSpace where no worker has ever started with it.
        """
        with self._at() as (connection, collection_id):
            serving, new = self._ends(connection, collection_id, encoder)
            return estimating.estimate(
                connection, collection_id, serving, new, lease_s=self._lease_s
            )

    def enqueue_sample(self, encoder: str, *, n: int = estimating.SAMPLE) -> list[int]:
        """Have some images embedded by an encoder to measure its rate; gives the jobs.

        The answers are thrown away; wait for the jobs, then ask for the estimate.
        """
        with self._at() as (connection, collection_id):
            serving, new = self._ends(connection, collection_id, encoder)
            return estimating.enqueue_sample(connection, collection_id, serving, new, n=n)

    def start(self, encoder: str) -> Change:
        """Have the new space filled while the old one serves; relays see to it from here on."""
        with self._at() as (connection, collection_id):
            _, new = self._ends(connection, collection_id, encoder)
            return changes.begin(connection, collection_id, new)

    def find(self) -> Change | None:
        """The change that the collection is in, or None."""
        with self._at() as (connection, collection_id):
            return find_change(connection, collection_id)

    def progress(self) -> Progress:
        """How far the change is."""
        with self._at() as (connection, collection_id):
            change = read_change(connection, collection_id)
            return read_progress(connection, change, lease_s=self._lease_s)

    def missing(self, *, in_serving: bool = False) -> Missing:
        """What the space that does not serve lacks of the other, or the reverse; one by one."""
        with self._at() as (connection, collection_id):
            change = read_change(connection, collection_id)
            present, space = change.serving, change.other
            if in_serving:
                present, space = space, present
            return count_missing(connection, collection_id, present, space)

    def draw(self, n: int, *, seed: int = 0) -> list[int]:
        """Images to compare, by chance: up to `n` that have features in both spaces."""
        with self._at() as (connection, collection_id):
            change = read_change(connection, collection_id)
            return comparing.draw(connection, change, n, seed=seed)

    def compare(self, images: list[int], *, k: int = 10) -> Iterator[Compared]:
        """Each image with its k nearest in both spaces, by exact search, as they are found.

        One that was deleted meanwhile is passed over.
        """
        for image_id in images:
            with self._at() as (connection, collection_id):
                change = read_change(connection, collection_id)
                compared = comparing.compare(connection, change, image_id, k=k)
            if compared is not None:
                yield compared

    def upload(self, reference: str) -> bytes | None:
        """The bytes of an image that was uploaded, to show it; None where they are gone."""
        with transaction(self._engine) as connection:
            return load_upload(connection, ImageRef(reference).upload_key)

    def build_index(self, *, watch: Watch = lambda _: None) -> SearchIndex:
        """Build a search index in the space that does not serve, so that it is fast when it does.

        Raises Rejected where it has too few images for one.
        """
        with self._at() as (connection, collection_id):
            change = read_change(connection, collection_id)
        return build_index(self._engine, self._collection, space_id=change.other.id, watch=watch)

    def flip(self, *, force: bool = False) -> Change:
        """Let the new space serve, at once and for every search that begins from then on.

        Refused while images or a search index are missing in it; `force` passes over that.
        """
        with self._at() as (connection, collection_id):
            return changes.flip(connection, collection_id, force=force)

    def rollback(self) -> Change:
        """Let the old space serve again, at once."""
        with self._at() as (connection, collection_id):
            return changes.rollback(connection, collection_id)

    def drop_old(self, *, force: bool = False) -> int:
        """End a change that was flipped, and delete the old space's features; how many they were.

        Called again after a crash, it deletes what is left. The way back is gone.
        """
        return self._end(is_flipped=True, force=force)

    def abort(self, *, force: bool = False) -> int:
        """End a change that is not flipped, and delete the new space's features."""
        return self._end(is_flipped=False, force=force)

    def _end(self, *, is_flipped: bool, force: bool) -> int:
        with self._at() as (connection, collection_id):
            # Where the row is gone already, a crash may have left the rest.
            is_left = dropping.is_left(connection, collection_id)
            if not is_left or find_change(connection, collection_id) is not None:
                changes.end(connection, collection_id, is_flipped=is_flipped, force=force)
        return dropping.drop_left(self._engine, collection_id)

    def _ends(
        self, connection: Connection, collection_id: int, encoder: str
    ) -> tuple[Space, Space]:
        """The space that serves, and the new one."""
        change = find_change(connection, collection_id)
        serving = changes.serving_space(connection, collection_id)
        old = serving if change is None else change.old
        return serving, find_space(connection, encoder, besides=old.id)

    @contextmanager
    def _at(self) -> Iterator[tuple[Connection, int]]:
        with transaction(self._engine) as connection:
            yield connection, find_collection(connection, self._collection)
