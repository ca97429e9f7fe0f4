"""Images and whole collections, erased with all that was made of them.

Features, keys, tags, jobs with their references, and uploaded bytes that no
other image needs. A few hundred images a transaction, so nobody waits long.
Jobs are locked before images, in the order in which a worker's commit takes
them, so that the two cannot deadlock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Engine, text

from lookalike.database import transaction
from lookalike.database.naming import find_collection
from lookalike.database.older import moment, wait_for_older
from lookalike.errors import Rejected, StoreUnavailable
from lookalike.indexes import drop_indexes
from lookalike.tables import OUTCOMES_CHANNEL

_PORTION = 500
# A collection that is being erased has lost its name already, and cannot be added to.
_ERASING = "erasing:"

# All that have ended; one that is open is its image's last.
_LOCK_JOBS = """
    SELECT id FROM lookalike.jobs
    WHERE image_id = ANY(:ids) AND finished_at IS NOT NULL ORDER BY id FOR UPDATE
"""
_JOBS_OF = """
    SELECT id FROM lookalike.jobs
    WHERE id = ANY (ARRAY (SELECT job_id FROM lookalike.images WHERE id = ANY(:ids)))
    ORDER BY id FOR UPDATE
"""
_FEATURES = "SELECT count(*) FROM lookalike.features WHERE image_id = ANY(:ids)"
_IMAGES = "DELETE FROM lookalike.images WHERE id = ANY(:ids) RETURNING reference"
# Locked first, in a statement of its own: whoever uploads the same bytes just now has the lock
# until his image is committed, and the next statement sees that.
_LOCK_UPLOADS = """
    SELECT image_key FROM lookalike.uploads
    WHERE image_key = ANY(CAST(:keys AS bytea[])) ORDER BY image_key FOR UPDATE
"""
_UPLOADS = """
    DELETE FROM lookalike.uploads u WHERE u.image_key = ANY(CAST(:keys AS bytea[]))
        AND NOT EXISTS (
            SELECT FROM lookalike.images i WHERE i.reference LIKE 'upload:%'
                AND i.reference = 'upload:' || encode(u.image_key, 'hex')
        ) AND NOT EXISTS (
            SELECT FROM lookalike.jobs j WHERE j.image_id IS NULL
                AND j.reference = 'upload:' || encode(u.image_key, 'hex')
                AND j.status NOT IN ('done', 'failed')
        )
"""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was erased; counted as it went."""

    n_images: int = 0
    n_features: int = 0
    n_jobs: int = 0
    n_uploads: int = 0

    def __add__(self, other: Receipt) -> Receipt:
        return Receipt(
            self.n_images + other.n_images,
            self.n_features + other.n_features,
            self.n_jobs + other.n_jobs,
            self.n_uploads + other.n_uploads,
        )


def erase_images(engine: Engine, image_ids: Sequence[int]) -> Receipt:
    """Erase images by their ids; one that is unknown is passed over.

    With the jobs of earlier times, which hold their references, too.
    """
    receipt = Receipt()
    ids = sorted(set(image_ids))
    for i in range(0, len(ids), _PORTION):
        with transaction(engine) as connection:
            portion = ids[i : i + _PORTION]
            earlier = connection.scalars(text(_LOCK_JOBS), {"ids": portion}).all()
            receipt += _erase(connection, portion, earlier)
    return receipt


def erase_collection(
    engine: Engine, name: str, *, watch: Callable[[Receipt], None] = lambda _: None
) -> Receipt:
    """Erase a collection with everything in it; raises UnknownCollection,
    and Rejected where a table is attached to it.

    Its name is free at once. Should this be broken off, it goes on where it
    stood when it is called with the name that `lookalike collections` then
    shows, `erasing:` and a number. Raises StoreUnavailable where a
    transaction that may still add images lasts for minutes.
    """
    with transaction(engine) as connection:
        collection_id = find_collection(connection, name)
        _check_detached(connection, collection_id, name)
        connection.execute(
            text("UPDATE lookalike.collections SET name = :name WHERE id = :id"),
            {"name": f"{_ERASING}{collection_id}", "id": collection_id},
        )
    with transaction(engine) as connection:
        renamed_at = moment(connection)
    drop_indexes(engine, collection_id)
    receipt = _erase_all(engine, collection_id, Receipt(), watch)
    if not wait_for_older(engine, renamed_at, snapshots_only=False, timeout_s=120):
        raise StoreUnavailable(
            f"a transaction from before may still add images to {name!r}: its images are "
            f"erased; when that has ended, erase {_ERASING}{collection_id} too"
        )
    receipt = _erase_all(engine, collection_id, receipt, watch)
    with transaction(engine) as connection:
        n_jobs = _delete_rest(connection, collection_id)
    return replace(receipt, n_jobs=receipt.n_jobs + n_jobs)


def _check_detached(connection: Connection, collection_id: int, name: str) -> None:
    table = connection.scalar(
        text("""
            SELECT "table"::text FROM lookalike.attachments WHERE collection_id = :id LIMIT 1
        """),
        {"id": collection_id},
    )
    if table is not None:
        raise Rejected(
            f"the table {table} is attached to {name!r} and would fill it again: "
            f"`lookalike detach {table}` first",
            value=table,
        )


def _erase_all(
    engine: Engine, collection_id: int, receipt: Receipt, watch: Callable[[Receipt], None]
) -> Receipt:
    while True:
        with transaction(engine) as connection:
            ids = connection.scalars(
                text("SELECT id FROM lookalike.images WHERE collection_id = :id LIMIT :n"),
                {"id": collection_id, "n": _PORTION},
            ).all()
            if not ids:
                return receipt
            receipt += _erase(connection, sorted(ids), ())
        watch(receipt)


def _erase(connection: Connection, ids: Sequence[int], jobs: Sequence[int]) -> Receipt:
    last = connection.scalars(text(_JOBS_OF), {"ids": ids}).all()
    all_jobs = sorted({*jobs, *last})
    n_features = int(connection.scalar(text(_FEATURES), {"ids": ids}) or 0)
    n_jobs = connection.execute(
        text("DELETE FROM lookalike.jobs WHERE id = ANY(:ids)"), {"ids": all_jobs}
    ).rowcount
    references = connection.scalars(text(_IMAGES), {"ids": ids}).all()
    keys = [
        bytes.fromhex(reference.removeprefix("upload:"))
        for reference in references
        if reference.startswith("upload:")
    ]
    connection.execute(text(_LOCK_UPLOADS), {"keys": keys})
    n_uploads = connection.execute(text(_UPLOADS), {"keys": keys}).rowcount
    connection.execute(text(f"NOTIFY {OUTCOMES_CHANNEL}"))
    return Receipt(len(references), n_features, n_jobs, n_uploads)


def _delete_rest(connection: Connection, collection_id: int) -> int:
    """Jobs of earlier times and of query images, what was asked for or to be told, and itself."""
    chosen = {"id": collection_id}
    n_jobs = connection.execute(
        text("DELETE FROM lookalike.jobs WHERE collection_id = :id"), chosen
    ).rowcount
    # Deliveries, webhooks, ends, as whoever gathers and sends them locks them.
    for table in ("controls", "maps", "webhook_deliveries", "webhooks", "webhook_ends"):
        connection.execute(text(f"DELETE FROM lookalike.{table} WHERE collection_id = :id"), chosen)
    connection.execute(text("DELETE FROM lookalike.collections WHERE id = :id"), chosen)
    return n_jobs
