"""Objects of the buckets that the operator has named."""

from __future__ import annotations

import threading

from lookalike.sources.buckets import AllowedBuckets
from lookalike.sources.object_stores import ObjectStore, require_store
from lookalike.stored_objects import ObjectPlace
from lookalike_worker.fetching.policy import FetchPolicy


class ObjectReader:
    """Reads objects within a policy; many threads may share one.

    Raises InvalidSetting, when built, for an entry that is no bucket, and
    Misconfigured where the library of its store is not installed.
    """

    def __init__(self, policy: FetchPolicy) -> None:
        self._policy = policy
        self._allowed = AllowedBuckets.parse(policy.buckets)
        for store in self._allowed.stores():
            require_store(store)
        self._stores: dict[str, ObjectStore] = {}
        # One each: where credentials are asked for in vain, the other stores are read meanwhile.
        self._opening = {store: threading.Lock() for store in self._allowed.stores()}

    def read(self, text: str) -> bytes:
        """The bytes of an object; raises as `Fetcher.fetch` does."""
        place = ObjectPlace.parse(text)
        self._allowed.check(place)
        # One byte more than is allowed tells that there are too many.
        data = self._store(place.store).read(
            place,
            n_bytes=self._policy.max_bytes + 1,
            timeout_s=self._policy.total_timeout_s,
        )
        self._policy.check_size(len(data))
        return data

    def close(self) -> None:
        """Close the connections that were kept for further objects."""
        while self._stores:
            self._stores.popitem()[1].close()

    def _store(self, name: str) -> ObjectStore:
        """Opened when first needed: some ask a server for credentials."""
        with self._opening[name]:
            if name not in self._stores:
                self._stores[name] = ObjectStore(
                    name, connect_timeout_s=self._policy.connect_timeout_s
                )
            return self._stores[name]
