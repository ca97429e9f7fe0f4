"""Signatures as Standard Webhooks writes them: relays make them, receivers verify them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lookalike.errors import InvalidSetting, SignatureInvalid

PREFIX = "whsec_"
"""By which people, and programs that look for leaked secrets, know a webhook's secret."""

TOLERANCE_S = 300.0
"""How far a delivery's time may be from the receiver's clock: what is older was replayed."""

_SECRET_BYTES = 32
# As the table has it, and Standard Webhooks.
_LEAST_BYTES, _MOST_BYTES = 24, 64
_VERSION = "v1"
_TIMESTAMP = re.compile(r"[0-9]{1,11}")


@dataclass(frozen=True, slots=True)
class Message:
    """A delivery whose signature is good.

    `id` is the same each time it is tried: who has dealt with it passes it
    over. `sent_at` is the time of this try.
    """

    id: str
    sent_at: datetime
    type: str
    data: dict[str, Any]


def new_secret() -> bytes:
    return secrets.token_bytes(_SECRET_BYTES)


def write_secret(secret: bytes) -> str:
    """A secret as it is shown and configured."""
    return PREFIX + base64.b64encode(secret).decode()


def read_secret(text: str) -> bytes:
    """What `write_secret` has written; raises InvalidSetting."""
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        # The text stays out of the message: it may be a secret with a typing error.
        raise InvalidSetting(
            f"the webhook's secret cannot be read ({error}); expected {PREFIX} and base64, as "
            "`lookalike webhook add` prints it"
        ) from error
    # With an empty one anybody can sign, and a variable that is not set is empty.
    if not _LEAST_BYTES <= len(key) <= _MOST_BYTES:
        raise InvalidSetting(
            f"the webhook's secret has {len(key)} bytes; expected {_LEAST_BYTES} to {_MOST_BYTES}: "
            "is it set, and whole? `lookalike webhook add` and `rotate` print it"
        )
    return key


def headers_of(
    message_id: str, body: bytes, keys: Sequence[bytes], *, at_s: float
) -> dict[str, str]:
    """The headers that sign a body, one signature for each secret; `at_s` is Unix time."""
    timestamp = str(int(at_s))
    signatures = [f"{_VERSION},{_signature(message_id, timestamp, body, key)}" for key in keys]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(signatures),
    }


def verify(
    body: bytes,
    headers: Mapping[str, str],
    secret: str,
    *,
    tolerance_s: float = TOLERANCE_S,
    at_s: float | None = None,
) -> Message:
    """The message of a request whose signature is good; raises SignatureInvalid for any other.

    `body` are the very bytes that came: JSON that was parsed and written anew
    has another signature. `headers` may be any mapping, in any case of
    letters. `at_s` is the time to judge by, by default this machine's.
    Raises InvalidSetting for a secret that is none.
    """
    key = read_secret(secret)
    given = {name.lower(): value for name, value in headers.items()}
    message_id, timestamp, signatures = (
        given.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature")
    )
    if not (message_id and _TIMESTAMP.fullmatch(timestamp) and signatures):
        raise SignatureInvalid(
            "found a request without webhook-id, webhook-timestamp and webhook-signature; "
            "expected a delivery of `lookalike relay`"
        )
    _check_signature(signatures, _signature(message_id, timestamp, body, key))
    _check_time(int(timestamp), time.time() if at_s is None else at_s, tolerance_s)
    return _message(message_id, int(timestamp), body)


def _signature(message_id: str, timestamp: str, body: bytes, key: bytes) -> str:
    signed = f"{message_id}.{timestamp}.".encode() + body
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def _check_signature(signatures: str, expected: str) -> None:
    # All are compared, and each in constant time: how long it takes says nothing.
    matches = [
        hmac.compare_digest(value.encode("utf-8", "replace"), expected.encode())
        for version, _, value in (one.partition(",") for one in signatures.split())
        if version == _VERSION
    ]
    if not any(matches):
        raise SignatureInvalid(
            "found a signature of another secret, or of other bytes; expected this webhook's: "
            "verify the body as it came, with the secret that `lookalike webhook add` or "
            "`rotate` printed"
        )


def _check_time(sent_s: int, now_s: float, tolerance_s: float) -> None:
    if abs(now_s - sent_s) > tolerance_s:
        raise SignatureInvalid(
            f"found a delivery that was signed {now_s - sent_s:.0f} s ago; expected one of the "
            f"last {tolerance_s:.0f} s: it was replayed, or one of the two clocks is wrong",
            value=sent_s,
        )


def _message(message_id: str, sent_s: int, body: bytes) -> Message:
    try:
        content = json.loads(body)
        return Message(
            message_id, datetime.fromtimestamp(sent_s, UTC), content["type"], content["data"]
        )
    except (ValueError, KeyError, TypeError) as error:
        raise SignatureInvalid(
            "found a good signature of something that is no event; expected a JSON object with "
            "type and data"
        ) from error
