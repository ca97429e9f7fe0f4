"""Jobs in: enqueue images, and read how their jobs stand.

Functions take an open connection, so a web app enqueues in its own
transaction: the job exists if and only if that transaction commits.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, text

from lookalike.errors import Rejected, UnknownCollection, UnknownJob
from lookalike.images import ImageKey, ImageRef
from lookalike.jobs import Job, JobStatus, Lane
from lookalike.tables import JOBS_CHANNEL

_JOB = """
    SELECT j.id, c.name AS collection, j.image_id, j.reference, j.status, j.attempts,
           j.error, j.message, j.created_at, j.finished_at
    FROM lookalike.jobs j JOIN lookalike.collections c ON c.id = j.collection_id
"""

# A new collection serves the feature space of the worker that was seen last.
_COLLECTION = """
    WITH made AS (
        INSERT INTO lookalike.collections (name, space_id)
        SELECT :name, (SELECT space_id FROM lookalike.workers ORDER BY last_seen DESC LIMIT 1)
        WHERE NOT EXISTS (SELECT FROM lookalike.collections WHERE name = :name)
        ON CONFLICT (name) DO NOTHING
        RETURNING id, space_id
    )
    SELECT id, space_id FROM made
    UNION ALL SELECT id, space_id FROM lookalike.collections WHERE name = :name
"""

# One statement: images that are new become rows, metadata is merged, and a job is made for
# each image that has neither an open job nor features of these very bytes.
_ENQUEUE = """
    WITH given AS (
        SELECT * FROM unnest(
            CAST(:references AS text[]), CAST(:keys AS bytea[]), CAST(:metadata AS jsonb[])
        ) WITH ORDINALITY AS g (reference, image_key, metadata, n)
    ), kept AS (
        INSERT INTO lookalike.images AS i (collection_id, reference, metadata)
        SELECT :collection_id, reference, metadata FROM given ORDER BY reference
        ON CONFLICT (collection_id, reference)
            DO UPDATE SET metadata = i.metadata || excluded.metadata
        RETURNING i.id, i.reference, i.image_key
    ), made AS (
        INSERT INTO lookalike.jobs (collection_id, image_id, reference, space_id, lane)
        SELECT :collection_id, kept.id, kept.reference, :space_id, :lane
        FROM given JOIN kept USING (reference)
        WHERE kept.image_key IS NULL
            OR given.image_key <> kept.image_key
            OR NOT EXISTS (SELECT FROM lookalike.features f
                           WHERE f.space_id = :space_id AND f.image_id = kept.id)
        ORDER BY given.n
        ON CONFLICT (image_id) WHERE status IN ('queued', 'retry', 'leased') DO NOTHING
        RETURNING id, image_id
    )
    SELECT kept.reference, kept.id AS image_id, made.id AS made_id, coalesce(made.id, (
        SELECT max(j.id) FROM lookalike.jobs j WHERE j.image_id = kept.id)) AS job_id
    FROM kept LEFT JOIN made ON made.image_id = kept.id
"""


@dataclass(frozen=True, slots=True)
class Request:
    """One image to enqueue; the key, where known, tells whether the picture has changed."""

    reference: ImageRef
    key: ImageKey | None = None
    metadata: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Enqueued:
    """What became of a request; `is_new` is False where nothing had to be done.

    `job_id` is the new or open job's, or the last one's; None where that has been purged.
    """

    image_id: int
    job_id: int | None
    is_new: bool


def enqueue(
    connection: Connection,
    collection: str,
    requests: Sequence[Request],
    *,
    lane: Lane = Lane.BULK,
) -> list[Enqueued]:
    """Enqueue images for a collection; the answers are in the order of the requests.

    A collection that does not exist is made. An image that is embedded
    already, or is on its way, gets no second job, so doing it again is safe.
    The relay is woken when the transaction commits.
    """
    if not requests:
        return []
    collection_id, space_id = _ensure_collection(connection, collection)
    unique = {request.reference.text: request for request in requests}
    rows = connection.execute(
        text(_ENQUEUE),
        {
            "references": list(unique),
            "keys": [request.key and request.key.digest for request in unique.values()],
            "metadata": [json.dumps(dict(r.metadata or {})) for r in unique.values()],
            "collection_id": collection_id,
            "space_id": space_id,
            "lane": int(lane),
        },
    )
    by_reference = {
        row.reference: Enqueued(row.image_id, row.job_id, row.made_id is not None) for row in rows
    }
    connection.execute(text(f"NOTIFY {JOBS_CHANNEL}"))
    return [by_reference[request.reference.text] for request in requests]


def enqueue_query(connection: Connection, collection: str, reference: ImageRef) -> int:
    """Enqueue a query image in the interactive lane and give the job's id.

    Its features go to no collection and are kept for an hour. Raises
    UnknownCollection where the collection does not exist.
    """
    job_id = connection.scalar(
        text("""
            INSERT INTO lookalike.jobs (collection_id, reference, space_id, lane)
            SELECT id, :reference, space_id, :lane FROM lookalike.collections WHERE name = :name
            RETURNING id
        """),
        {"name": collection, "reference": reference.text, "lane": int(Lane.INTERACTIVE)},
    )
    if job_id is None:
        raise unknown_collection(connection, collection)
    connection.execute(text(f"NOTIFY {JOBS_CHANNEL}"))
    return int(job_id)


def upload(connection: Connection, data: bytes) -> tuple[ImageRef, ImageKey]:
    """Keep an image's bytes in Postgres; the same bytes are kept once."""
    key = ImageKey.of(data)
    connection.execute(
        text("""
            INSERT INTO lookalike.uploads AS u (image_key, data) VALUES (:key, :data)
            ON CONFLICT (image_key) DO UPDATE SET created_at = now()
        """),
        {"key": key.digest, "data": data},
    )
    return ImageRef.of_upload(key), key


def read_jobs(connection: Connection, job_ids: Iterable[int]) -> list[Job]:
    """The jobs with these ids, in that order; raises UnknownJob for the first that is missing."""
    wanted = list(job_ids)
    rows = connection.execute(text(_JOB + "WHERE j.id = ANY(:ids)"), {"ids": wanted})
    found = {row.id: _job(row) for row in rows}
    for job_id in wanted:
        if job_id not in found:
            raise UnknownJob(
                f"no job has the id {job_id}: it was never made, or has been purged", value=job_id
            )
    return [found[job_id] for job_id in wanted]


def open_job_ids(connection: Connection, job_ids: Sequence[int]) -> list[int]:
    """Those of the jobs that are neither done nor failed."""
    rows = connection.scalars(
        text("SELECT id FROM lookalike.jobs WHERE id = ANY(:ids) AND status NOT IN :final"),
        {"ids": list(job_ids), "final": (JobStatus.DONE.value, JobStatus.FAILED.value)},
    )
    return [int(job_id) for job_id in rows]


def unknown_collection(connection: Connection, name: str) -> UnknownCollection:
    """The error for a collection that does not exist, naming those that do."""
    names = connection.scalars(
        text("SELECT name FROM lookalike.collections ORDER BY name LIMIT 10")
    ).all()
    known = "the collections are " + ", ".join(names) if names else "there are none yet"
    return UnknownCollection(
        f"no collection is named {name!r}; {known}: add an image to make one", value=name
    )


def _ensure_collection(connection: Connection, name: str) -> tuple[int, int | None]:
    if not 1 <= len(name) <= 200:
        raise Rejected(
            f"found a collection's name of {len(name)} characters; expected 1 to 200", value=name
        )
    row = connection.execute(text(_COLLECTION), {"name": name}).first()
    if row is None:  # another transaction made it after this one's snapshot
        row = connection.execute(text(_COLLECTION), {"name": name}).one()
    return row.id, row.space_id


def _job(row: Row[tuple[object, ...]]) -> Job:
    values = row._asdict()
    return Job(**{**values, "status": JobStatus(values["status"])})
