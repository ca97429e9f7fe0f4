"""Signatures: good ones pass, everything else is refused."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from lookalike.errors import InvalidSetting, SignatureInvalid
from lookalike.webhooks import verify
from lookalike.webhooks.signing import headers_of, new_secret, read_secret, write_secret

KEY = bytes(range(32))
SECRET = write_secret(KEY)
BODY = b'{"type":"jobs.ended","data":{"jobs":[]}}'
AT_S = 1_700_000_000


def signed(body: bytes = BODY) -> dict[str, str]:
    return headers_of("msg_1", body, [KEY], at_s=AT_S)


def but(name: str, value: str) -> dict[str, str]:
    """What was signed, with one header exchanged."""
    return signed() | {f"webhook-{name}": value}


def test_it_signs_as_the_specification_does() -> None:
    # The specification's own example.
    key = read_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = headers_of(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', [key], at_s=1614265330
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_good_signature_gives_the_message() -> None:
    message = verify(BODY, signed(), SECRET, at_s=AT_S + 299)
    assert (message.id, message.type, message.data) == ("msg_1", "jobs.ended", {"jobs": []})
    assert message.sent_at.timestamp() == AT_S


def test_headers_may_be_in_any_case_of_letters() -> None:
    headers = {name.title(): value for name, value in signed().items()}
    verify(BODY, headers, SECRET, at_s=AT_S)


def test_one_good_signature_of_several_is_enough() -> None:
    headers = headers_of("msg_1", BODY, [new_secret(), KEY], at_s=AT_S)
    headers["webhook-signature"] = "v1a,b2xk v1 " + headers["webhook-signature"]
    verify(BODY, headers, SECRET, at_s=AT_S)


def test_now_is_this_machines_time() -> None:
    verify(BODY, headers_of("msg_1", BODY, [KEY], at_s=time.time()), SECRET)
    with pytest.raises(SignatureInvalid, match="replayed"):
        verify(BODY, signed(), SECRET)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        but("id", "msg_2"),
        but("id", ""),
        but("timestamp", str(AT_S + 1)),
        but("timestamp", f"{AT_S}.0"),
        but("timestamp", "٣"),
        but("signature", "v1,"),
        but("signature", "v1,é"),
        but("signature", signed()["webhook-signature"].replace("v1,", "v2,")),
        headers_of("msg_1", BODY, [new_secret()], at_s=AT_S),
        headers_of("msg_1", BODY + b" ", [KEY], at_s=AT_S),
    ],
)
def test_whatever_is_not_signed_so_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(SignatureInvalid):
        verify(BODY, headers, SECRET, at_s=AT_S)


@pytest.mark.parametrize("late_s", [-301, 301])
def test_what_was_signed_at_another_time_is_refused(late_s: float) -> None:
    with pytest.raises(SignatureInvalid, match="clocks"):
        verify(BODY, signed(), SECRET, at_s=AT_S + late_s)
    verify(BODY, signed(), SECRET, at_s=AT_S + late_s, tolerance_s=400)


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b'{"type": 1}', b"\xff"])
def test_a_good_signature_of_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(SignatureInvalid, match="no event"):
        verify(body, signed(body), SECRET, at_s=AT_S)


def test_a_secret_that_is_none_is_told_without_being_shown() -> None:
    with pytest.raises(InvalidSetting) as caught:
        verify(BODY, signed(), "whsec_not base64!")
    assert "not base64" not in str(caught.value)


@pytest.mark.parametrize("secret", ["", "whsec_", write_secret(KEY[:23]), write_secret(KEY * 3)])
def test_a_secret_that_is_not_set_or_not_whole_verifies_nothing(secret: str) -> None:
    forged = headers_of("msg_1", BODY, [b""], at_s=AT_S)
    with pytest.raises(InvalidSetting, match="bytes; expected 24 to 64: is it set") as caught:
        verify(BODY, forged, secret, at_s=AT_S)
    assert write_secret(KEY)[6:30] not in str(caught.value)


def test_verifying_loads_nothing_heavy() -> None:
    question = "import sys, lookalike.webhooks; print(*sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", question], capture_output=True, text=True, check=True
    )
    loaded = {name.split(".")[0] for name in answer.stdout.split()}
    assert not loaded & {"sqlalchemy", "httpcore", "structlog", "pydantic"}


def test_secrets_are_written_so_that_others_read_them() -> None:
    secret = new_secret()
    assert len(secret) == 32
    assert read_secret(write_secret(secret)) == secret
    assert json.dumps(write_secret(secret)).startswith('"whsec_')
