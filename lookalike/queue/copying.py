"""New images by the thousand: their rows and their jobs' are copied in, with no conflict in mind.

Postgres spent two thirds of an upsert's processor time on it. It gives way where an image is there
already.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import psycopg2
from sqlalchemy import Connection, text

# A copy has three round trips more than an upsert: for fewer rows they are not worth it.
LEAST_ROWS = 500
# So many of the references are looked for first. A copy that fails has been for nothing.
_N_PROBES = 16

_PROBE = """
    SELECT EXISTS (SELECT FROM lookalike.images
                   WHERE collection_id = :collection_id AND reference = ANY(CAST(:some AS text[])))
"""
_IDS = """
    SELECT nextval('lookalike.images_id_seq'), nextval('lookalike.jobs_id_seq')
    FROM generate_series(1, %s)
"""
_IMAGES = "COPY lookalike.images (id, collection_id, reference, metadata, job_id) FROM STDIN"
_JOBS = """
    COPY lookalike.jobs (id, collection_id, image_id, reference, space_id, lane, trace_parent)
    FROM STDIN
"""
_NULL = "\\N"
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


@dataclass(frozen=True, slots=True)
class Common:
    """What all images of an import share."""

    collection_id: int
    space_id: int | None
    lane: int
    trace_parent: str | None


def copy_new(
    connection: Connection,
    references: Sequence[str],
    metadata: Sequence[str | None],
    common: Common,
) -> Sequence[tuple[int, int]] | None:
    """The ids of each new image and its job, in order; None, and no row, where one is there.

    References are all different; metadata is JSON.
    """
    probes = list(references[:: max(1, len(references) // _N_PROBES)])
    if connection.scalar(text(_PROBE), {"collection_id": common.collection_id, "some": probes}):
        return None
    with connection.begin_nested() as savepoint, closing(connection.connection.cursor()) as cursor:
        cursor.execute(_IDS, (len(references),))
        ids: Sequence[tuple[int, int]] = cursor.fetchall()
        names = _escaped(references)
        try:
            _copy(cursor, _IMAGES, _image_lines(ids, names, metadata, common))
        except psycopg2.errors.UniqueViolation:
            savepoint.rollback()
            return None
        _copy(cursor, _JOBS, _job_lines(ids, names, common))
    return ids


def _image_lines(
    ids: Sequence[tuple[int, int]],
    names: Sequence[str],
    metadata: Sequence[str | None],
    common: Common,
) -> list[str]:
    lines = [
        f"{image_id}\t{common.collection_id}\t{name}\t{'{}' if json is None else _escape(json)}"
        f"\t{job_id}\n"
        for (image_id, job_id), name, json in zip(ids, names, metadata, strict=True)
    ]
    # In one order, so that two imports of the same images wait for each other in no circle.
    return [lines[i] for i in sorted(range(len(names)), key=names.__getitem__)]


def _job_lines(ids: Sequence[tuple[int, int]], names: Sequence[str], common: Common) -> list[str]:
    space_id = _NULL if common.space_id is None else common.space_id
    trace_parent = _NULL if common.trace_parent is None else _escape(common.trace_parent)
    rest = f"{space_id}\t{common.lane}\t{trace_parent}\n"
    return [
        f"{job_id}\t{common.collection_id}\t{image_id}\t{name}\t{rest}"
        for (image_id, job_id), name in zip(ids, names, strict=True)
    ]


def _escaped(texts: Sequence[str]) -> Sequence[str]:
    """The texts as COPY reads them; most have nothing to escape, which one look at all tells."""
    everything = "".join(texts)
    if any(character in everything for character in "\\\t\n\r"):
        return [_escape(one) for one in texts]
    return texts


def _escape(value: str) -> str:
    return value.translate(_ESCAPES)


def _copy(cursor: Any, statement: str, lines: Iterable[str]) -> None:
    data = "".join(lines)
    # Read at once: by the driver's 8 kB, this thread and others would pass Python's lock to and
    # fro a hundred times.
    cursor.copy_expert(statement, io.StringIO(data), len(data) or 1)
