"""Counts requests by caller: in Redis, so that all processes count together, or in memory.

Redis is no condition of an answer: while it is down each process counts for itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

import structlog

from lookalike.errors import QueueUnavailable
from lookalike_api.entry.quotas import Quota, Standing

# Then the callers whose quota is full again, whom nothing has to be kept of, are forgotten; and
# if that is none of them, everybody is: a flood of addresses must not fill the memory.
MOST_CALLERS = 50_000

# A request in so long tries Redis again; the others do not wait for its timeout.
_TRY_AGAIN_S = 5

log = structlog.get_logger()

Clock = Callable[[], float]


class Counter(Protocol):
    """Where requests are counted."""

    async def take(self, caller: str, quota: Quota, n: int = 1) -> Standing: ...

    async def close(self) -> None: ...


class InMemory:
    """One process's own counts."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._full_at: dict[str, float] = {}

    async def take(self, caller: str, quota: Quota, n: int = 1) -> Standing:
        """Count a request of a caller, as `n`."""
        now = self._clock()
        standing = quota.take(self._full_at.get(caller, now), now, n)
        if caller not in self._full_at and len(self._full_at) >= MOST_CALLERS:
            self._forget(now)
        self._full_at[caller] = standing.full_at
        return standing

    def look(self, caller: str, quota: Quota) -> Standing:
        """How a caller would stand after one more request, which is not counted."""
        now = self._clock()
        return quota.take(self._full_at.get(caller, now), now)

    async def close(self) -> None:
        self._full_at.clear()

    def _forget(self, now: float) -> None:
        self._full_at = {k: at for k, at in self._full_at.items() if at > now}
        if len(self._full_at) >= MOST_CALLERS:
            self._full_at.clear()


class SharedIfPossible:
    """Counts in Redis, and in memory for some seconds after Redis has failed."""

    def __init__(self, shared: Counter, clock: Clock = time.monotonic) -> None:
        self._shared = shared
        self._own = InMemory(clock)
        self._clock = clock
        self._alone_until = 0.0

    async def take(self, caller: str, quota: Quota, n: int = 1) -> Standing:
        """Count a request of a caller, as `n`; never fails."""
        if self._clock() >= self._alone_until:
            if self._alone_until:
                # It was down: one request tries it, and the others do not wait for that.
                self._alone_until = self._clock() + _TRY_AGAIN_S
            try:
                standing = await self._shared.take(caller, quota, n)
            except QueueUnavailable as error:
                self._alone_until = self._clock() + _TRY_AGAIN_S
                log.warning("rates are counted by each process alone", message=str(error))
            else:
                self._alone_until = 0.0
                return standing
        return await self._own.take(caller, quota, n)

    async def close(self) -> None:
        await self._shared.close()
