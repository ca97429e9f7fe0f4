"""Jobs: requests to embed one image, and the chunks of them that travel through Redis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum

from lookalike.features import Features, Tag
from lookalike.images import ImageKey, ImageRef


class JobStatus(StrEnum):
    """Where a job stands. `retry` is `queued` after a failure that time may cure."""

    QUEUED = "queued"
    LEASED = "leased"
    RETRY = "retry"
    DONE = "done"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        return self in (JobStatus.DONE, JobStatus.FAILED)


class Lane(IntEnum):
    """Who is served first: `interactive`, where somebody waits, before `bulk`."""

    INTERACTIVE = 0
    BULK = 1


@dataclass(frozen=True, slots=True)
class Request:
    """One image to enqueue or store; the key, where known, tells whether the picture changes."""

    reference: ImageRef
    key: ImageKey | None = None
    metadata: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A job as its row tells it; times are the database's.

    `image_id` is None for a query image, which belongs to no collection's images.
    """

    id: int
    collection: str
    image_id: int | None
    reference: str
    status: JobStatus
    attempts: int
    error: str | None = None
    message: str | None = None
    created_at: datetime | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Chunk:
    """Jobs of one lane leased together and published as one task.

    On the wire: `{"v": 2, "lease": …, "lane": …}`.

    The lease's number is all that a worker needs: the jobs stand in the
    lease's row. A job leased again belongs to another lease, and the older
    message claims nothing. `trace_parents` are those of its jobs, for the
    process that publishes it.
    """

    lease: int
    lane: Lane
    trace_parents: frozenset[str] = field(default=frozenset(), compare=False)

    VERSION = 2

    def to_wire(self) -> dict[str, object]:
        return {"v": self.VERSION, "lease": self.lease, "lane": int(self.lane)}

    @classmethod
    def from_wire(cls, wire: Mapping[str, object]) -> Chunk:
        """Read a chunk; raises ValueError for another version or malformed content."""
        match wire:
            case {"v": cls.VERSION, "lease": int(lease), "lane": 0 | 1 as lane}:
                return cls(lease, Lane(lane))
        raise ValueError(f"found {wire!r}; expected a chunk of version {cls.VERSION}")


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """What a worker needs to know of a job that it has claimed.

    `attempts` counts this one too; `waited_s` is from when the job was ready
    to its claim, by the database's clock. `trace_parent` is the producer's
    span, where it is traced.
    """

    id: int
    lease: int
    lane: Lane
    reference: ImageRef
    attempts: int
    waited_s: float = 0.0
    trace_parent: str | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """Milliseconds from the claim to the end of each step; None where the step was not reached."""

    fetched_ms: float | None = None
    decoded_ms: float | None = None
    batched_ms: float | None = None
    encoded_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Embedded:
    """The good outcome of a job: features, float32 of shape (dimensions,), and the image's key.

    `tags` are empty where none are asked for, and so is `thumbnail`, a JPEG.
    """

    job: ClaimedJob
    key: ImageKey
    features: Features
    trace: Trace
    tags: tuple[Tag, ...] = ()
    thumbnail: bytes | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """The bad outcome of a job: the error's name and message, and when to try again, if ever."""

    job: ClaimedJob
    error: str
    message: str
    retry_in_s: float | None
    trace: Trace


Outcome = Embedded | Failure
