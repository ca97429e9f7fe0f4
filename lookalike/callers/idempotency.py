"""Requests that may come twice: the first with a key does the work, others get its answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import bindparam

from lookalike.database import transaction
from lookalike.errors import IdempotencyKeyReused, RequestUnderWay

KEPT_S = 86_400
"""An answer is given again for so long."""

# A process that died can leave a claim behind. No request that may have a key takes nearly as
# long; and should one, what it does is idempotent by itself.
_ABANDONED_S = 120

_ASK_AGAIN_S = 1

_CLAIM = """
    INSERT INTO lookalike.idempotent_requests AS r (api_key_id, key, fingerprint)
    VALUES (:api_key_id, :key, :fingerprint)
    ON CONFLICT (api_key_id, key) DO UPDATE
        SET fingerprint = excluded.fingerprint, created_at = clock_timestamp(),
            status = NULL, headers = NULL, body = NULL
        WHERE r.created_at < now() - make_interval(
            secs => CASE WHEN r.status IS NULL THEN :abandoned_s ELSE :kept_s END)
    RETURNING created_at
"""

_READ = """
    SELECT fingerprint, status, headers, body FROM lookalike.idempotent_requests
    WHERE api_key_id = :api_key_id AND key = :key
"""

# Not where another has taken over a claim that was given up for lost.
_OURS = "api_key_id = :api_key_id AND key = :key AND created_at = :claimed_at AND status IS NULL"

_KEEP = text(f"""
    UPDATE lookalike.idempotent_requests SET status = :status, headers = :headers, body = :body
    WHERE {_OURS}
""").bindparams(bindparam("headers", type_=JSONB))


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered, as it is given again."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to do what a request asks for; `api_key_id` is 0 where the API asks for no key."""

    api_key_id: int
    key: str
    claimed_at: datetime


class Claims:
    """Claims of all processes on the keys of requests; of two at once, one is granted."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def claim(self, api_key_id: int, key: str, fingerprint: bytes) -> Claim | Answer:
        """The claim of the first request with this key, or what that one was answered.

        Raises RequestUnderWay while that is not known, and IdempotencyKeyReused where
        the fingerprint is another's.
        """
        sought = {"api_key_id": api_key_id, "key": key}
        times = {"abandoned_s": _ABANDONED_S, "kept_s": KEPT_S}
        while True:
            with transaction(self._engine) as connection:
                claimed_at = connection.scalar(
                    text(_CLAIM), {**sought, "fingerprint": fingerprint, **times}
                )
                if claimed_at is not None:
                    return Claim(api_key_id, key, claimed_at)
                found = connection.execute(text(_READ), sought).one_or_none()
            # None: freed in between, so it can be claimed now.
            if found is not None:
                break
        if bytes(found.fingerprint) != fingerprint:
            raise IdempotencyKeyReused(
                f"the Idempotency-Key {key!r} came with another request before; expected a new "
                "key for a new request: use a random one, such as a UUID",
                value=key,
            )
        if found.status is None:
            raise RequestUnderWay(
                f"the first request with the Idempotency-Key {key!r} is still under way: send "
                "this one again later, and it gets the same answer",
                value=key,
                retry_in_s=_ASK_AGAIN_S,
            )
        return Answer(found.status, found.headers, bytes(found.body))

    def keep(self, claim: Claim, answer: Answer) -> None:
        """Keep an answer for those that ask again."""
        given = {"status": answer.status, "headers": answer.headers, "body": answer.body}
        with transaction(self._engine) as connection:
            connection.execute(_KEEP, {**_names(claim), **given})

    def free(self, claim: Claim) -> None:
        """Give a claim back: the next request with its key is the first again."""
        with transaction(self._engine) as connection:
            connection.execute(
                text(f"DELETE FROM lookalike.idempotent_requests WHERE {_OURS}"), _names(claim)
            )


def forget_requests(connection: Connection) -> int:
    """Delete what was answered so long ago that its key is free again; how many these were."""
    return connection.execute(
        text("""
            DELETE FROM lookalike.idempotent_requests
            WHERE created_at < now() - make_interval(secs => :kept_s)
        """),
        {"kept_s": KEPT_S},
    ).rowcount


def _names(claim: Claim) -> dict[str, object]:
    return {"api_key_id": claim.api_key_id, "key": claim.key, "claimed_at": claim.claimed_at}
