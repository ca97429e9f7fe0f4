"""Feature spaces as operators name them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from lookalike.errors import UnknownFeatureSpace

_SPACES = """
    SELECT id, encoder, encoder || '@' || left(digest, 12) AS name
    FROM lookalike.feature_spaces ORDER BY id
"""


@dataclass(frozen=True, slots=True)
class Space:
    """A feature space that is known to the database; `name` is `encoder@digest12`."""

    id: int
    name: str


def find_space(connection: Connection, named: str, *, besides: int | None = None) -> Space:
    """The space of this name, or the only one of this encoder; `besides` is not looked at.

    Raises UnknownFeatureSpace.
    """
    rows = [row for row in connection.execute(text(_SPACES)) if row.id != besides]
    found = [row for row in rows if named in (row.name, row.encoder)]
    if len(found) == 1:
        return Space(found[0].id, found[0].name)
    if found:
        names = ", ".join(row.name for row in found)
        raise UnknownFeatureSpace(
            f"found {len(found)} feature spaces of the encoder {named!r}; expected one: name it in "
            f"full, of {names}",
            value=named,
        )
    known = ", ".join(row.name for row in rows) or "none"
    raise UnknownFeatureSpace(
        f"no other feature space is named {named!r} (found {known}): start a worker with it, "
        f"LOOKALIKE_ENCODER={named.partition('@')[0]} lookalike worker, and leave those of the old "
        "one running",
        value=named,
    )
