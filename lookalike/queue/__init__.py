"""Jobs from the producer's transaction to the worker's message, and how they stand.

enqueueing   images and their jobs in; what is known of a job
copying      the same by COPY, where all of them are new
imports      and with nothing else in mind, for URLs by the thousand
limits       how many jobs may be open
controls     which lanes are paused, and the limits that operators set
windows      how much room the workers have, and whose jobs fill it
leases       jobs out: leased, claimed, kept, taken back from the dead
retries      when a failed job is tried again; pure
failures     failed jobs: list, count, try again, drop
workers      who is alive
publishing   from ready rows to messages
broker       the way through Redis; the only file of the library that knows its client
redis_urls   where Redis is
doorbell     publishing straight from a producer that reaches Redis
waiting      for the end of jobs, woken by Postgres
watching     the same, for any number of listeners
retention    what is forgotten, and when
"""

from __future__ import annotations

from lookalike.jobs import Request
from lookalike.queue.enqueueing import Enqueued, enqueue, enqueue_query, read_jobs, upload

__all__ = [
    "Enqueued",
    "Request",
    "enqueue",
    "enqueue_query",
    "read_jobs",
    "upload",
]
