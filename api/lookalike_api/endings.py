"""The ends of jobs as the event loop hears of them: nobody who waits holds a thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from threading import Lock

from starlette.concurrency import run_in_threadpool

from lookalike.client import Lookalike
from lookalike.jobs import Job
from lookalike.queue.watching import JobWatch

Ended = asyncio.Queue[Sequence[int]]
"""The ids of jobs that have ended, as they do."""


class Endings:
    """Tells requests which of their jobs have ended; `client` gives the process's client."""

    def __init__(self, client: Callable[[], Lookalike]) -> None:
        self._client = client
        self._lock = Lock()
        self._watch: JobWatch | None = None

    @asynccontextmanager
    async def watching(self, job_ids: Sequence[int]) -> AsyncIterator[Ended]:
        """While it is open, the ids of jobs that end are put; look at the jobs once it is open.

        Raises Unavailable where too many are watched.
        """
        ended: Ended = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def tell(ids: Sequence[int]) -> None:
            # The loop is closed where the process ends.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(ended.put_nowait, ids)

        watch = await run_in_threadpool(self._opened)
        watcher = watch.add(job_ids, tell)
        try:
            yield ended
        finally:
            watch.remove(watcher)

    async def wait(self, job_ids: Sequence[int], timeout_s: float) -> list[Job]:
        """The jobs, as soon as each has ended or the time is up; raises UnknownJob."""
        async with self.watching(job_ids) as ended:
            jobs = await self.jobs(job_ids)
            still_open = {job.id for job in jobs if not job.status.is_final}
            if not still_open:
                return jobs
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    while still_open:
                        still_open.difference_update(await ended.get())
        return await self.jobs(job_ids)

    async def jobs(self, job_ids: Sequence[int]) -> list[Job]:
        """The jobs as they stand; raises UnknownJob."""
        return await run_in_threadpool(lambda: self._client().jobs(job_ids))

    def close(self) -> None:
        if self._watch is not None:
            self._watch.close()

    def _opened(self) -> JobWatch:
        client = self._client()
        with self._lock:
            self._watch = self._watch or client.catalogue.watch()
            return self._watch
