"""Rows in: outcomes with their features, feature spaces, and uploaded bytes out again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sqlalchemy import Connection, text

from lookalike.features import Features, FeatureSpace
from lookalike.images import ImageKey
from lookalike.jobs import Embedded, Failure, Outcome
from lookalike.store import binary_copy
from lookalike.tables import OUTCOMES_CHANNEL

_STAGING = """
    CREATE TEMPORARY TABLE IF NOT EXISTS embedded (
        job_id bigint, lease bigint, image_key bytea, fetched_ms integer, decoded_ms integer,
        batched_ms integer, encoded_ms integer, features halfvec, thumbnail bytea
    ) ON COMMIT DELETE ROWS
"""

_COPY = f"COPY embedded ({binary_copy.OUTCOME_COLUMNS}) FROM STDIN (FORMAT binary)"

# Good features are kept whoever computed them, also after the lease has passed on: the same
# image gives the same features. Rows are locked in one order, images before their
# features and by references, as producers and bulk writers do, so that no two deadlock.
# The parts of one statement do not see each other: no tag is both deleted and inserted.
# ANY(ARRAY(…)) beside a join says that few rows are meant: of a temporary table the planner knows
# nothing, and at 30,000 jobs read all of them twice, and all images once, for each batch.
# While a collection changes its encoder, its images have features in two spaces. The space that
# serves has the say what an image's bytes are: other bytes end what was made of the old ones
# elsewhere, and a job of another space that a newer one has overtaken brings nothing of its own.
_COMMIT = """
    WITH given AS (
        SELECT * FROM unnest(
            CAST(:tagged AS bigint[]), CAST(:labels AS text[]), CAST(:probabilities AS real[])
        ) AS g (job_id, label, probability)
    ), locked AS (
        SELECT j.id, j.image_id, j.collection_id, EXISTS (
            SELECT FROM lookalike.collections c
            WHERE c.id = j.collection_id AND c.space_id = :space_id
        ) AS serves
        FROM lookalike.jobs j
        WHERE j.id = ANY(ARRAY(SELECT job_id FROM embedded)) AND j.status <> 'done'
            AND j.space_id = :space_id
        ORDER BY j.id FOR UPDATE
    ), present AS (
        SELECT i.id, i.image_key, i.job_id FROM lookalike.images i
        WHERE i.id = ANY(ARRAY(SELECT image_id FROM locked))
        ORDER BY i.collection_id, i.reference FOR NO KEY UPDATE
    ), kept AS MATERIALIZED (
        SELECT l.id, l.image_id, l.collection_id, l.serves,
            p.image_key <> e.image_key AS is_changed
        FROM locked l JOIN embedded e ON e.job_id = l.id JOIN present p ON p.id = l.image_id
        WHERE l.serves OR p.job_id = l.id OR p.image_key IS NULL OR p.image_key = e.image_key
    ), outdated AS (
        DELETE FROM lookalike.features
        WHERE image_id = ANY(ARRAY(SELECT image_id FROM kept WHERE serves AND is_changed))
            AND space_id <> :space_id
    ), stored AS (
        INSERT INTO lookalike.features (space_id, collection_id, image_id, features)
        SELECT :space_id, k.collection_id, k.image_id, e.features
        FROM kept k JOIN embedded e ON e.job_id = k.id
        ORDER BY k.image_id
        ON CONFLICT (space_id, image_id) DO UPDATE SET features = excluded.features
    ), pictured AS (
        INSERT INTO lookalike.thumbnails AS t (image_id, data)
        SELECT k.image_id, e.thumbnail FROM kept k JOIN embedded e ON e.job_id = k.id
        WHERE e.thumbnail IS NOT NULL AND (k.serves OR k.is_changed IS NOT TRUE)
        ORDER BY k.image_id
        ON CONFLICT (image_id) DO UPDATE SET data = excluded.data WHERE t.data <> excluded.data
    ), unpictured AS (
        DELETE FROM lookalike.thumbnails WHERE image_id = ANY(ARRAY(
            SELECT k.image_id FROM kept k JOIN embedded e ON e.job_id = k.id
            WHERE e.thumbnail IS NULL AND k.serves AND k.is_changed))
    ), answered AS (
        INSERT INTO lookalike.query_features (job_id, space_id, features)
        SELECT l.id, :space_id, e.features
        FROM locked l JOIN embedded e ON e.job_id = l.id WHERE l.image_id IS NULL
        ON CONFLICT (job_id) DO NOTHING
    ), untagged AS (
        DELETE FROM lookalike.image_tags t USING kept k
        WHERE t.image_id = k.image_id AND t.space_id = :space_id
            AND t.image_id = ANY(ARRAY(SELECT image_id FROM kept))
            AND NOT EXISTS (SELECT FROM given g WHERE g.job_id = k.id AND g.label = t.label)
    ), tagged AS (
        INSERT INTO lookalike.image_tags AS t (image_id, space_id, label, probability)
        SELECT k.image_id, :space_id, g.label, g.probability
        FROM kept k JOIN given g ON g.job_id = k.id
        ON CONFLICT (image_id, space_id, label) DO UPDATE SET probability = excluded.probability
    ), known AS (
        UPDATE lookalike.images i SET image_key = e.image_key
        FROM kept k JOIN embedded e ON e.job_id = k.id
        WHERE i.id = k.image_id AND (i.image_key IS NULL OR (k.serves AND k.is_changed))
            AND i.id = ANY(ARRAY(SELECT image_id FROM kept))
    )
    UPDATE lookalike.jobs j
    SET status = 'done', finished_at = clock_timestamp(), attempts = j.attempts + 1,
        leased_at = h.leased_at, claimed_at = h.claimed_at, worker = h.worker,
        error = NULL, message = NULL, fetched_ms = e.fetched_ms, decoded_ms = e.decoded_ms,
        batched_ms = e.batched_ms, encoded_ms = e.encoded_ms
    FROM locked l JOIN embedded e ON e.job_id = l.id LEFT JOIN lookalike.leases h ON h.id = e.lease
    WHERE j.id = l.id AND j.id = ANY(ARRAY(SELECT id FROM locked))
        AND (l.image_id IS NULL OR l.image_id IN (SELECT id FROM present))
"""

# An image takes only its last job along when it is deleted.
_ORPHANS = """
    DELETE FROM lookalike.jobs WHERE id = ANY(ARRAY(
        SELECT j.id FROM lookalike.jobs j
        WHERE j.id = ANY(CAST(:ids AS bigint[])) AND j.image_id IS NOT NULL
            AND NOT EXISTS (SELECT FROM lookalike.images i WHERE i.id = j.image_id)
        ORDER BY j.id FOR UPDATE))
"""

# A failure counts only while the lease is still this worker's.
_FAIL = """
    UPDATE lookalike.jobs j
    SET status = CASE WHEN f.wait_s IS NULL THEN 'failed' ELSE 'retry' END,
        attempts = j.attempts + 1,
        available_at = now() + make_interval(secs => coalesce(f.wait_s, 0)),
        finished_at = CASE WHEN f.wait_s IS NULL THEN clock_timestamp() END,
        leased_at = l.leased_at, claimed_at = l.claimed_at, worker = l.worker,
        error = f.error, message = f.message,
        fetched_ms = f.fetched_ms, decoded_ms = f.decoded_ms,
        batched_ms = f.batched_ms, encoded_ms = f.encoded_ms
    FROM unnest(
        CAST(:ids AS bigint[]), CAST(:leases AS bigint[]), CAST(:waits AS double precision[]),
        CAST(:errors AS text[]), CAST(:messages AS text[]), CAST(:fetched AS real[]),
        CAST(:decoded AS real[]), CAST(:batched AS real[]), CAST(:encoded AS real[])
    ) AS f (id, lease, wait_s, error, message, fetched_ms, decoded_ms, batched_ms, encoded_ms)
    LEFT JOIN lookalike.leases l ON l.id = f.lease
    WHERE j.id = f.id AND j.lease = f.lease AND j.status = 'leased'
"""

# Locked before any job, as whoever takes back what has run out does.
_END = """
    SELECT id FROM lookalike.leases WHERE id = ANY(CAST(:leases AS bigint[])) ORDER BY id FOR UPDATE
"""


def register_space(connection: Connection, space: FeatureSpace) -> int:
    """Make a feature space known to the database, with a partition, and give its id there."""
    return int(
        connection.execute(
            text("SELECT lookalike.register_space(:encoder, :digest, :dimensions, :trained)"),
            {
                "encoder": space.encoder,
                "digest": space.digest,
                "dimensions": space.dimensions,
                "trained": space.trained,
            },
        ).scalar_one()
    )


def keep_reference(
    connection: Connection, space_id: int, golden_images: str, reference: Features
) -> Features:
    """Store the reference of a feature space where there is none; give the one that is stored.

    It is what an encoder gives for certain images, which `golden_images`
    names: float32 of shape (n, dimensions). One of other images is replaced.
    """
    connection.execute(
        text("""
            UPDATE lookalike.feature_spaces
            SET golden_images = :golden_images, reference = :reference
            WHERE id = :id AND golden_images IS DISTINCT FROM :golden_images
        """),
        {
            "id": space_id,
            "golden_images": golden_images,
            "reference": np.asarray(reference, "<f4").tobytes(),
        },
    )
    row = connection.execute(
        text("SELECT dimensions, reference FROM lookalike.feature_spaces WHERE id = :id"),
        {"id": space_id},
    ).one()
    numbers = np.frombuffer(row.reference, "<f4").astype(np.float32)
    return numbers.reshape(-1, row.dimensions)


def commit_outcomes(
    connection: Connection,
    space_id: int,
    outcomes: Sequence[Outcome],
    *,
    ended: Sequence[int] = (),
) -> None:
    """Write features, thumbnails and the outcomes of their jobs, in the caller's transaction.

    Doing it twice is the same as doing it once; a job that was deleted in
    the meantime, itself or its image, leaves nothing behind, and so does one
    that has moved to another feature space. An image's tags take the place of
    those that it had in the feature space. `ended` are the leases of which
    no job is left.
    """
    embedded = [outcome for outcome in outcomes if isinstance(outcome, Embedded)]
    failures = [outcome for outcome in outcomes if isinstance(outcome, Failure)]
    if ended:
        connection.execute(text(_END), {"leases": list(ended)})
    if embedded:
        connection.execute(text(_STAGING))
        binary_copy.send(connection, _COPY, binary_copy.pack_outcomes(embedded))
        tags = _tag_columns(embedded)
        n_done = connection.execute(text(_COMMIT), {"space_id": space_id, **tags}).rowcount
        if n_done < len(embedded):
            connection.execute(text(_ORPHANS), {"ids": [outcome.job.id for outcome in embedded]})
    if failures:
        columns = _failure_columns(failures)
        connection.execute(text(_FAIL), columns)
        connection.execute(text(_ORPHANS), {"ids": columns["ids"]})
    if ended:
        connection.execute(
            text("DELETE FROM lookalike.leases WHERE id = ANY(CAST(:leases AS bigint[]))"),
            {"leases": list(ended)},
        )
    connection.execute(text(f"NOTIFY {OUTCOMES_CHANNEL}"))


def load_upload(connection: Connection, key: ImageKey) -> bytes | None:
    """The bytes that were uploaded under an image key, or None."""
    data = connection.scalar(
        text("SELECT data FROM lookalike.uploads WHERE image_key = :key"), {"key": key.digest}
    )
    return None if data is None else bytes(data)


def _tag_columns(embedded: Sequence[Embedded]) -> dict[str, list[object]]:
    tags = [(outcome.job.id, tag) for outcome in embedded for tag in outcome.tags]
    return {
        "tagged": [job_id for job_id, _ in tags],
        "labels": [tag.label for _, tag in tags],
        "probabilities": [tag.probability for _, tag in tags],
    }


def _failure_columns(failures: Sequence[Failure]) -> dict[str, list[object]]:
    return {
        "ids": [failure.job.id for failure in failures],
        "leases": [failure.job.lease for failure in failures],
        "waits": [failure.retry_in_s for failure in failures],
        "errors": [failure.error for failure in failures],
        # Postgres's text holds no NUL, and an exception's message may.
        "messages": [failure.message.replace("\0", "\\0") for failure in failures],
        "fetched": [failure.trace.fetched_ms for failure in failures],
        "decoded": [failure.trace.decoded_ms for failure in failures],
        "batched": [failure.trace.batched_ms for failure in failures],
        "encoded": [failure.trace.encoded_ms for failure in failures],
    }
