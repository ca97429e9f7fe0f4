"""What the endpoints are given, and what they share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Annotated, Protocol

from anyio import CapacityLimiter
from fastapi import Depends, Path, Request

from lookalike.client import Lookalike
from lookalike.errors import Unavailable
from lookalike.images import ImageRef
from lookalike.settings import Settings
from lookalike.sources.buckets import AllowedBuckets
from lookalike_api.endings import Endings
from lookalike_api.payloads import MAX_ID
from lookalike_api.references import permitted


class Backend(Protocol):
    """What the endpoints need of the process; errors are lookalike's own."""

    @property
    def client(self) -> Lookalike: ...

    def n_workers(self) -> int:
        """Count the live workers, after checking that Postgres has the right schema."""


@dataclass(frozen=True, slots=True)
class Context:
    """What every endpoint is given.

    `waiters` bounds the threads that wait for workers, `testers` those that
    wait for receivers of webhooks, `bulk_threads` those that enqueue bulks, so
    that others find connections. `endings` tells which jobs have ended.
    """

    settings: Settings
    backend: Backend
    waiters: BoundedSemaphore
    testers: BoundedSemaphore
    bulk_threads: CapacityLimiter
    endings: Endings
    buckets: AllowedBuckets

    def permitted(self, reference: str) -> ImageRef:
        """The reference, where a request may name it; raises as `references.permitted` does."""
        return permitted(reference, self.settings.file_roots, self.buckets)


async def _context(request: Request) -> Context:
    # A function that is not async would be called in a thread, which costs more than all it does.
    context: Context = request.app.state.context
    return context


InContext = Annotated[Context, Depends(_context)]
PathId = Annotated[int, Path(ge=1, le=MAX_ID)]


def waiting(context: Context) -> AbstractContextManager[None]:
    """Hold one of the threads that may wait for workers; raises Unavailable where all do."""
    return _holding(
        context.waiters,
        "too many searches wait for a worker already: try again later, or start more workers",
    )


def testing(context: Context) -> AbstractContextManager[None]:
    """Hold one of the threads that may wait for a receiver; raises Unavailable where all do."""
    return _holding(
        context.testers, "too many webhooks are tested already: try again in some seconds"
    )


@contextmanager
def _holding(threads: BoundedSemaphore, refusal: str) -> Iterator[None]:
    if not threads.acquire(blocking=False):
        raise Unavailable(refusal)
    try:
        yield
    finally:
        threads.release()
