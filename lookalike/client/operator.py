"""What an operator does to a running installation: pause, drain, limit, retry, clean up."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Unpack

from sqlalchemy import Connection, Engine

from lookalike import collections
from lookalike.attachments import Attachments
from lookalike.callers.api_keys import Keys
from lookalike.collections import Asked, erasure
from lookalike.collections.erasure import Receipt
from lookalike.database import Listener, transaction
from lookalike.database.naming import find_collection
from lookalike.jobs import JobStatus
from lookalike.maps import CollectionMap, make_map, read_map, request_map
from lookalike.queue import controls, failures, leases, limits, retention
from lookalike.queue.controls import Control, InHand
from lookalike.queue.failures import FailedFor, FailedJob, FailedPage, Selection
from lookalike.tables import OUTCOMES_CHANNEL
from lookalike.transfer import Watch, export_collection, import_collection
from lookalike.webhooks.operations import Webhooks

# Not everything that ends a lease is notified.
_LOOK_S = 1.0


class Operator:
    """`Lookalike().operator`; every method may be called again, and all take effect at once.

    Without a collection they mean all of them; one that does not exist
    raises UnknownCollection.
    """

    def __init__(self, engine: Engine, database_url: str) -> None:
        self._engine = engine
        self._url = database_url

    @property
    def attachments(self) -> Attachments:
        """Tables of this database whose rows are followed."""
        return Attachments(self._engine)

    def make_map(self, collection: str) -> CollectionMap:
        """Lay a collection out now, in place of the map before; of a large one, 10,000 images.

        About a minute. Raises UnknownCollection, Rejected where nothing has
        been embedded, Misconfigured where `lookalike[map]` is not installed.
        """
        return make_map(self._engine, collection)

    def request_map(self, collection: str) -> CollectionMap:
        """Have upkeep make a map; asking again changes nothing. Raises UnknownCollection."""
        with transaction(self._engine) as connection:
            request_map(connection, collection)
            return read_map(connection, collection)

    def pause(self, collection: str | None = None, *, all_lanes: bool = False) -> str:
        """Hold the bulk lane, or all lanes, back; gives which are paused now: `bulk` or `all`.

        When it returns, nothing more is published. What was published before
        is still done; `in_hand` tells what that is.
        """
        with transaction(self._engine) as connection:
            which = _id(connection, collection)
            paused = controls.pause(connection, which, all_lanes=all_lanes)
        with transaction(self._engine) as connection:
            controls.settle(connection)
        return paused

    def resume(self, collection: str | None = None) -> bool:
        """Lift what `pause` with the same collection did, or `drain`; whether there was a pause."""
        with transaction(self._engine) as connection:
            return controls.resume(connection, _id(connection, collection))

    def drain(
        self, *, timeout_s: float = 60, watch: Callable[[list[InHand]], None] | None = None
    ) -> list[InHand]:
        """Pause all lanes and wait until no worker holds a job; gives what is left at the timeout.

        What waits in Redis goes back to the backlog at once. The pause stays
        until `resume`. `watch` is told what is still in hand, again and again.
        """
        deadline = time.monotonic() + timeout_s
        listener = Listener(self._url, OUTCOMES_CHANNEL)
        try:
            listener.open()
            self.pause(all_lanes=True)
            while True:
                with transaction(self._engine) as connection:
                    leases.take_back_published(connection)
                    left = controls.in_hand(connection)
                left_s = deadline - time.monotonic()
                if not left or left_s <= 0:
                    return left
                if watch is not None:
                    watch(left)
                listener.wait(min(left_s, _LOOK_S))
        finally:
            listener.close()

    def in_hand(self) -> list[InHand]:
        """The jobs that are published or held by workers, by worker."""
        with transaction(self._engine) as connection:
            return controls.in_hand(connection)

    def limit(self, max_open: int | None, *, collection: str | None = None) -> None:
        """Refuse new jobs beyond so many open ones, with BacklogFull; None lifts the limit."""
        with transaction(self._engine) as connection:
            limits.set_limit(connection, _id(connection, collection), max_open)

    def configure(self, collection: str, **asked: Unpack[Asked]) -> bool:
        """Make a collection, or change what is asked for it; whether it was made.

        `paused` is None, "bulk" or "all", and `max_open` its limit of open
        jobs or None. What is not given stays. As after `pause`, nothing more
        is published of what is paused.
        """
        with transaction(self._engine) as connection:
            was_made = collections.configure(connection, collection, asked)
        if asked.get("paused"):
            with transaction(self._engine) as connection:
                controls.settle(connection)
        return was_made

    def control(self, collection: str | None = None) -> Control:
        """What is paused and limited for a collection, or for all together."""
        with transaction(self._engine) as connection:
            found = controls.read_controls(connection)
            return found.get(_id(connection, collection), Control())

    def failed(self, selection: Selection = Selection()) -> list[FailedJob]:  # noqa: B008 - frozen
        """Failed jobs, by collection and reason."""
        with transaction(self._engine) as connection:
            return failures.list_failed(connection, selection)

    def failed_page(
        self,
        selection: Selection = Selection(),  # noqa: B008 - frozen
        *,
        after: str | None = None,
        limit: int = 100,
    ) -> FailedPage:
        """The next failed jobs, by collection and reason, with all of them counted by reason.

        `after` is the `next_after` of the page before; raises Rejected for another text.
        """
        with transaction(self._engine) as connection:
            return failures.read_page(connection, selection, after=after, limit=limit)

    def failed_job(self, job_id: int) -> FailedJob:
        """One failed job; raises UnknownJob."""
        with transaction(self._engine) as connection:
            return failures.read_failed(connection, job_id)

    def failed_for(self, selection: Selection = Selection()) -> list[FailedFor]:  # noqa: B008
        """Failed jobs counted by collection and reason."""
        with transaction(self._engine) as connection:
            return failures.count_by_reason(connection, selection)

    def retry_failed(self, selection: Selection) -> int:
        """Queue failed jobs of images again, with all attempts; how many these were.

        Not those of query images, nor those whose image has a later job.
        """
        return self._in_portions(failures.retry, selection)

    def discard_failed(self, selection: Selection) -> int:
        """Delete failed jobs; their images stay. How many these were."""
        return self._in_portions(failures.discard, selection)

    def purge(
        self, status: JobStatus, *, collection: str | None = None, older_than_s: float | None = None
    ) -> int:
        """Delete jobs that are done, failed, or still queued; how many these were.

        Images and features stay. Queued means whatever nobody has taken
        yet, retries too; its age is from when it was enqueued, else from
        when it ended.
        """
        if status is JobStatus.FAILED:
            return self.discard_failed(Selection(collection, older_than_s=older_than_s))
        with transaction(self._engine) as connection:
            which = None if collection is None else find_collection(connection, collection)
        purge = retention.prune_jobs if status is JobStatus.DONE else retention.cancel_waiting
        return purge(self._engine, older_than_s=older_than_s, collection_id=which)

    @property
    def keys(self) -> Keys:
        """Keys to the HTTP API: make, list and revoke them."""
        return Keys(self._engine)

    @property
    def webhooks(self) -> Webhooks:
        """Who is told by HTTP when jobs end: add, list, test and remove them."""
        return Webhooks(self._engine)

    def erase_images(self, image_ids: Sequence[int]) -> Receipt:
        """Erase images for good, with all that was made of them; unknown ids are passed over."""
        return erasure.erase_images(self._engine, image_ids)

    def erase_collection(
        self, name: str, *, watch: Callable[[Receipt], None] = lambda _: None
    ) -> Receipt:
        """Erase a collection for good, with everything in it; raises UnknownCollection."""
        return erasure.erase_collection(self._engine, name, watch=watch)

    def export_collection(
        self,
        collection: str,
        path: str | Path,
        *,
        uploads: bool = False,
        watch: Watch | None = None,
    ) -> int:
        """Write a collection's images and features to a Parquet file; how many these were.

        All as it stands at one moment. The bytes of uploaded images are in
        the file only with `uploads`. `watch` is told how many images are
        through, and how many there are. Raises UnknownCollection.
        """
        watch = watch or _unwatched
        return export_collection(self._engine, collection, Path(path), uploads=uploads, watch=watch)

    def import_collection(
        self, path: str | Path, *, collection: str | None = None, watch: Watch | None = None
    ) -> int:
        """Store the images and features of an export; how many these were.

        Into the collection of the same name, or the one that is given. May
        be broken off and repeated. Raises ExportUnusable for a file that is
        no whole export, and WrongFeatureSpace where the collection serves
        another space.
        """
        return import_collection(self._engine, Path(path), collection, watch=watch or _unwatched)

    def _in_portions(self, change: Callable[..., int], selection: Selection) -> int:
        n_changed = 0
        while True:
            left = (selection.limit or retention.PORTION + n_changed) - n_changed
            portion = min(retention.PORTION, left)
            with transaction(self._engine) as connection:
                n = change(connection, selection, n=portion)
            n_changed += n
            if n < portion or n_changed == selection.limit:
                return n_changed


def _id(connection: Connection, collection: str | None) -> int:
    return limits.EVERY if collection is None else find_collection(connection, collection)


def _unwatched(_done: int, _total: int) -> None:
    pass
