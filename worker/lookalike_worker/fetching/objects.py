"""Objects of the buckets that the operator has named."""

from __future__ import annotations

from lookalike.sources.buckets import AllowedBuckets
from lookalike.sources.object_stores import ObjectStore
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
        self._stores = {
            store: ObjectStore(store, connect_timeout_s=policy.connect_timeout_s)
            for store in sorted(self._allowed.stores())
        }

    def read(self, text: str) -> bytes:
        """The bytes of an object; raises as `Fetcher.fetch` does."""
        place = ObjectPlace.parse(text)
        self._allowed.check(place)
        # One byte more than is allowed tells that there are too many.
        data = self._stores[place.store].read(
            place,
            n_bytes=self._policy.max_bytes + 1,
            timeout_s=self._policy.total_timeout_s,
        )
        self._policy.check_size(len(data))
        return data

    def close(self) -> None:
        """Close the connections that were kept for further objects."""
        for store in self._stores.values():
            store.close()
