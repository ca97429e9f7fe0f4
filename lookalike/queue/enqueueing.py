"""Jobs in: enqueue images, and read how their jobs stand.

Functions take an open connection, so a web app enqueues in its own
transaction: the job exists if and only if that transaction commits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Row, text

from lookalike.database.descriptions import to_json
from lookalike.database.naming import ensure_collection, unknown_collection
from lookalike.errors import UnknownJob
from lookalike.images import ImageKey, ImageRef
from lookalike.jobs import Job, JobStatus, Lane, Request
from lookalike.queue import limits
from lookalike.queue.copying import LEAST_ROWS, Common, copy_new
from lookalike.tables import JOBS_CHANNEL
from lookalike.telemetry import tracing

_JOB = """
    SELECT j.id, c.name AS collection, j.image_id, j.reference, j.status, j.attempts,
           j.error, j.message, j.created_at, j.finished_at
    FROM lookalike.jobs j JOIN lookalike.collections c ON c.id = j.collection_id
"""

# Images that are new become rows, each with its job. Rows are locked in one order, so producers
# cannot deadlock; byte order, since it is the index's and the cheapest.
_INSERT = """
    WITH given AS MATERIALIZED (
        SELECT reference, metadata, nextval('lookalike.jobs_id_seq') AS job_id
        FROM unnest(CAST(:references AS text[]), CAST(:metadata AS jsonb[]))
            AS g (reference, metadata)
    ), made AS (
        INSERT INTO lookalike.images (collection_id, reference, metadata, job_id)
        SELECT :collection_id, reference, coalesce(metadata, '{}'), job_id
        FROM given ORDER BY reference COLLATE "C"
        ON CONFLICT (collection_id, reference) DO NOTHING
        RETURNING id, reference, job_id
    ), enqueued AS (
        INSERT INTO lookalike.jobs
            (id, collection_id, image_id, reference, space_id, lane, trace_parent)
        SELECT job_id, :collection_id, id, reference, :space_id, :lane, :trace_parent FROM made
    )
    SELECT reference, id AS image_id, job_id FROM made
"""

_LOCK = """
    SELECT id FROM lookalike.images
    WHERE collection_id = :collection_id AND reference = ANY(CAST(:references AS text[]))
    ORDER BY reference FOR UPDATE
"""

# For images that were there: metadata is merged, and a job is made for each that has, in this
# feature space, neither an open job nor features of these very bytes. A statement after the
# locks, so it sees what those have committed that it waited for.
_AGAIN = """
    WITH given AS (
        SELECT * FROM unnest(
            CAST(:references AS text[]), CAST(:keys AS bytea[]), CAST(:metadata AS jsonb[])
        ) AS g (reference, image_key, metadata)
    ), kept AS (
        SELECT i.id, i.reference, g.metadata, i.job_id AS last_job_id,
            CASE WHEN j.id IS NULL AND (
                i.image_key IS NULL OR g.image_key <> i.image_key
                OR NOT EXISTS (SELECT FROM lookalike.features f
                               WHERE f.space_id = :space_id AND f.image_id = i.id)
            ) THEN nextval('lookalike.jobs_id_seq') END AS job_id
        FROM given g
        JOIN lookalike.images i ON i.collection_id = :collection_id AND i.reference = g.reference
        LEFT JOIN lookalike.jobs j ON j.id = i.job_id AND j.status NOT IN ('done', 'failed')
            AND j.space_id IS NOT DISTINCT FROM :space_id
    ), changed AS (
        UPDATE lookalike.images i
        SET metadata = i.metadata || coalesce(k.metadata, '{}'),
            job_id = coalesce(k.job_id, i.job_id)
        FROM kept k WHERE i.id = k.id AND (k.job_id IS NOT NULL OR k.metadata IS NOT NULL)
    ), enqueued AS (
        INSERT INTO lookalike.jobs
            (id, collection_id, image_id, reference, space_id, lane, trace_parent)
        SELECT job_id, :collection_id, id, reference, :space_id, :lane, :trace_parent
        FROM kept WHERE job_id IS NOT NULL
    )
    SELECT k.reference, k.id AS image_id, k.job_id AS made_id,
        coalesce(k.job_id, (SELECT j.id FROM lookalike.jobs j WHERE j.id = k.last_job_id)) AS job_id
    FROM kept k
"""


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
    The relay is woken when the transaction commits. Raises BacklogFull,
    with nothing enqueued, where that would exceed a limit (`lookalike limit`).
    """
    if not requests:
        return []
    with tracing.producing("lookalike enqueue") as trace_parent:
        return _enqueue(connection, collection, requests, lane, trace_parent)


def _enqueue(
    connection: Connection,
    collection: str,
    requests: Sequence[Request],
    lane: Lane,
    trace_parent: str | None,
) -> list[Enqueued]:
    collection_id, space_id = ensure_collection(connection, collection)
    unique = {request.reference.text: request for request in requests}
    limits.check_room(connection, collection, len(unique))
    common = Common(collection_id, space_id, int(lane), trace_parent)
    made = _insert(connection, list(unique.values()), common)
    if len(made) < len(unique):
        rest = [request for name, request in unique.items() if name not in made]
        made |= _enqueue_again(connection, rest, common)
    connection.execute(text(f"NOTIFY {JOBS_CHANNEL}"))
    if len(unique) == len(requests):
        return [made[name] for name in unique]
    return [made[request.reference.text] for request in requests]


def _insert(
    connection: Connection, requests: Sequence[Request], common: Common
) -> dict[str, Enqueued]:
    """Those of the images that are new, by their references."""
    columns = _columns(requests)
    if len(requests) >= LEAST_ROWS:
        references = columns["references"]
        ids = copy_new(connection, references, columns["metadata"], common)
        if ids is not None:
            return {
                reference: Enqueued(image_id, job_id, True)
                for reference, (image_id, job_id) in zip(references, ids, strict=True)
            }
    rows = connection.execute(text(_INSERT), {**columns, **asdict(common)}).all()
    return {reference: Enqueued(image_id, job_id, True) for reference, image_id, job_id in rows}


def enqueue_query(connection: Connection, collection: str, reference: ImageRef) -> int:
    """Enqueue a query image in the interactive lane and give the job's id.

    Its features go to no collection and are kept for an hour. Raises
    UnknownCollection where the collection does not exist.
    """
    with tracing.producing("lookalike enqueue") as trace_parent:
        job_id = connection.scalar(
            text("""
                INSERT INTO lookalike.jobs (collection_id, reference, space_id, lane, trace_parent)
                SELECT id, :reference, space_id, :lane, :trace_parent
                FROM lookalike.collections WHERE name = :name
                RETURNING id
            """),
            {
                "name": collection,
                "reference": reference.text,
                "lane": int(Lane.INTERACTIVE),
                "trace_parent": trace_parent,
            },
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


def _enqueue_again(
    connection: Connection, requests: Sequence[Request], common: Common
) -> dict[str, Enqueued]:
    values = {**_columns(requests), **asdict(common)}
    connection.execute(text(_LOCK), values)
    rows = connection.execute(text(_AGAIN), values)
    return {
        row.reference: Enqueued(row.image_id, row.job_id, row.made_id is not None) for row in rows
    }


def _columns(requests: Sequence[Request]) -> dict[str, list[Any]]:
    return {
        "references": [request.reference.text for request in requests],
        "keys": [request.key and request.key.digest for request in requests],
        "metadata": [to_json(r.metadata) if r.metadata else None for r in requests],
    }


def _job(row: Row[tuple[object, ...]]) -> Job:
    values = row._asdict()
    return Job(**{**values, "status": JobStatus(values["status"])})
