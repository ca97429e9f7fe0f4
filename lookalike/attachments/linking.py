"""Rows become links to images: enqueued, kept, and images that lost their last row noted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, text

from lookalike.attachments.records import Attachment
from lookalike.attachments.rows import Row
from lookalike.errors import Rejected
from lookalike.images import ImageRef
from lookalike.jobs import Request
from lookalike.queue import enqueue

_LINKS = """
    SELECT row_key, image_id, is_made FROM lookalike.attached_rows
    WHERE attachment_id = :id AND row_key = ANY(CAST(:keys AS text[]))
"""
# An image is there for attached rows alone where one of them brought it.
_KNOWN = """
    SELECT i.reference, EXISTS (
        SELECT FROM lookalike.attached_rows r WHERE r.image_id = i.id AND r.is_made) AS is_made
    FROM lookalike.images i
    WHERE i.collection_id = :collection_id AND i.reference = ANY(CAST(:references AS text[]))
"""
_KEEP = """
    INSERT INTO lookalike.attached_rows (attachment_id, row_key, image_id, is_made, refused)
    SELECT :id, g.row_key, g.image_id, g.is_made, g.refused
    FROM unnest(CAST(:keys AS text[]), CAST(:images AS bigint[]), CAST(:made AS boolean[]),
        CAST(:refused AS text[])) AS g (row_key, image_id, is_made, refused)
    ON CONFLICT (attachment_id, row_key) DO UPDATE
        SET image_id = excluded.image_id, is_made = excluded.is_made, refused = excluded.refused
"""
_FORGET = """
    DELETE FROM lookalike.attached_rows
    WHERE attachment_id = :id AND row_key = ANY(CAST(:keys AS text[]))
"""
_NOTE_ORPHANS = """
    INSERT INTO lookalike.attached_orphans (image_id)
    SELECT DISTINCT g FROM unnest(CAST(:images AS bigint[])) AS g
    WHERE NOT EXISTS (SELECT FROM lookalike.attached_rows r WHERE r.image_id = g)
    ON CONFLICT DO NOTHING
"""


def link(
    connection: Connection, attachment: Attachment, rows: Sequence[Row], *, gone: Iterable[str]
) -> None:
    """Enqueue what the rows show, and forget those that are gone; raises BacklogFull."""
    keys = [row.key for row in rows] + list(gone)
    chosen = {"id": attachment.id, "keys": keys}
    before = {found.row_key: found for found in connection.execute(text(_LINKS), chosen)}
    requests, refused = _requests(rows)
    made = _made(connection, attachment, requests)
    answers = enqueue(connection, attachment.collection, list(requests.values()))
    images = {
        key: (answer.image_id, made[request.reference.text])
        for (key, request), answer in zip(requests.items(), answers, strict=True)
    }
    kept = [row.key for row in rows if row.key in images or row.key in refused]
    connection.execute(
        text(_KEEP),
        {
            "id": attachment.id,
            "keys": kept,
            "images": [images[key][0] if key in images else None for key in kept],
            "made": [key in images and images[key][1] for key in kept],
            "refused": [refused.get(key) for key in kept],
        },
    )
    forgotten = list(set(keys) - set(kept))
    connection.execute(text(_FORGET), {"id": attachment.id, "keys": forgotten})
    left = [
        found.image_id
        for key, found in before.items()
        if found.is_made and images.get(key, (None,))[0] != found.image_id
    ]
    connection.execute(text(_NOTE_ORPHANS), {"images": left})


def _requests(rows: Sequence[Row]) -> tuple[dict[str, Request], dict[str, str]]:
    """What to enqueue, and why not, by the rows' keys; a row without a URL has neither."""
    requests, refused = {}, {}
    for row in rows:
        if row.url is None or not row.url.strip():
            continue
        try:
            requests[row.key] = Request(_reference(row.url.strip()), None, row.metadata or None)
        except Rejected as error:
            refused[row.key] = str(error)
    return requests, refused


def _reference(url: str) -> ImageRef:
    if ":" not in url:
        # A path would be one of the relay's own machine.
        raise Rejected(
            f"found {url!r}; expected an http(s) URL, an object, or file: with the whole path: "
            "write the column as such"
        )
    return ImageRef.parse(url)


def _made(
    connection: Connection, attachment: Attachment, requests: Mapping[str, Request]
) -> dict[str, bool]:
    """By references: whether their images are there, or will be, for attached rows alone."""
    references = {request.reference.text for request in requests.values()}
    rows = connection.execute(
        text(_KNOWN), {"collection_id": attachment.collection_id, "references": list(references)}
    )
    return dict.fromkeys(references, True) | {row.reference: row.is_made for row in rows}
