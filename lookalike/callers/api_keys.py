"""Keys to the HTTP API: made, listed and revoked, and known again by their hash alone."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Row, text

from lookalike.database import transaction
from lookalike.errors import Rejected, Unauthenticated, UnknownApiKey

SCOPES = ("read", "write", "admin")
"""What a key may be made for; none includes another."""

PREFIX = "lk_"
"""By which people, and programs that look for leaked secrets, know a key."""

MAKE_A_KEY = "the operator makes one with `lookalike key create NAME --scope read`"
"""The next move of everybody who is refused."""

_SECRET_BYTES = 32
_HINT_LENGTH = 9
_LONGEST_NAME = 200

_FIELDS = "id, name, hint, scopes, created_at, expires_at, revoked_at, last_used_at"

_CREATE = f"""
    INSERT INTO lookalike.api_keys (name, digest, hint, scopes, expires_at)
    VALUES (:name, :digest, :hint, CAST(:scopes AS text[]),
            now() + make_interval(secs => CAST(:expires_in_s AS float8)))
    RETURNING {_FIELDS}
"""

_REVOKE = f"""
    UPDATE lookalike.api_keys SET revoked_at = coalesce(revoked_at, now())
    WHERE id = :id RETURNING {_FIELDS}
"""

# The use is noted once a minute, and not at all while another notes it: nobody waits for that.
_VERIFY = f"""
    WITH noted AS (
        UPDATE lookalike.api_keys SET last_used_at = now()
        WHERE id IN (
            SELECT id FROM lookalike.api_keys
            WHERE digest = :digest AND revoked_at IS NULL
                AND (expires_at IS NULL OR expires_at > now())
                AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
            FOR UPDATE SKIP LOCKED)
    )
    SELECT {_FIELDS}, coalesce(expires_at <= now(), false) AS is_expired
    FROM lookalike.api_keys WHERE digest = :digest
"""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without its secret, of which only the first characters are kept: its `hint`."""

    id: int
    name: str
    hint: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made, with its secret, which nobody can read again."""

    key: ApiKey
    secret: str = field(repr=False)


class Keys:
    """`Lookalike().operator.keys`: who may use the API."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(
        self, name: str, scopes: Sequence[str] = ("read",), *, expires_in_s: float | None = None
    ) -> NewKey:
        """Make a key for some of `SCOPES`; its name is a label, and may come twice.

        Raises Rejected for a scope or a name that there cannot be.
        """
        secret = PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
        row = {
            "name": _checked_name(name),
            "digest": _digest(secret),
            "hint": secret[:_HINT_LENGTH],
            "scopes": _checked_scopes(scopes),
            "expires_in_s": expires_in_s,
        }
        with transaction(self._engine) as connection:
            return NewKey(_key(connection.execute(text(_CREATE), row).one()), secret)

    def all(self) -> list[ApiKey]:
        """All keys, expired and revoked ones too, the oldest first."""
        with transaction(self._engine) as connection:
            rows = connection.execute(text(f"SELECT {_FIELDS} FROM lookalike.api_keys ORDER BY id"))
            return [_key(row) for row in rows]

    def revoke(self, key_id: int) -> ApiKey:
        """End a key for good; again changes nothing. Raises UnknownApiKey."""
        with transaction(self._engine) as connection:
            row = connection.execute(text(_REVOKE), {"id": key_id}).one_or_none()
        if row is None:
            raise UnknownApiKey(
                f"no API key has the id {key_id}: `lookalike key list` shows them", value=key_id
            )
        return _key(row)

    def verify(self, secret: str) -> ApiKey:
        """The key that a secret belongs to; raises Unauthenticated, which tells why.

        It is found by its SHA-256, so how long it takes says nothing of the secret.
        """
        with transaction(self._engine) as connection:
            row = connection.execute(text(_VERIFY), {"digest": _digest(secret)}).one_or_none()
        if row is None:
            raise Unauthenticated(f"the API key {_shown(secret)} is not known: {MAKE_A_KEY}")
        key = _key(row)
        if key.revoked_at is not None:
            when = f"{key.revoked_at:%Y-%m-%d %H:%M %Z}"
            raise Unauthenticated(f"the API key {key.hint}… was revoked on {when}: {MAKE_A_KEY}")
        if row.is_expired:
            when = f"{key.expires_at:%Y-%m-%d %H:%M %Z}"
            raise Unauthenticated(f"the API key {key.hint}… expired on {when}: {MAKE_A_KEY}")
        return key


def _digest(secret: str) -> bytes:
    # Whatever bytes a header holds have a digest.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _shown(secret: str) -> str:
    # Only what looks like a key of ours: else somebody's password would stand in an answer.
    return f"{secret[:_HINT_LENGTH]}…" if secret.startswith(PREFIX) else "that was given"


def _key(row: Row[Any]) -> ApiKey:
    fields = {name: value for name, value in row._asdict().items() if name != "is_expired"}
    return ApiKey(**{**fields, "scopes": tuple(fields["scopes"])})


def _checked_name(name: str) -> str:
    if not 1 <= len(name) <= _LONGEST_NAME or "\0" in name:
        raise Rejected(
            f"found a name of {len(name)} characters; expected 1 to {_LONGEST_NAME}", value=name
        )
    return name


def _checked_scopes(scopes: Sequence[str]) -> list[str]:
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown or not scopes:
        raise Rejected(
            f"found the scopes {', '.join(scopes) or 'none'}; expected some of {', '.join(SCOPES)}",
            value=scopes,
        )
    return [scope for scope in SCOPES if scope in scopes]
