"""Requests with an `Idempotency-Key`: the first does the work, those after it get its answer."""

from __future__ import annotations

import hashlib
from typing import Annotated

import structlog
from fastapi import Depends, Header, Request, Security
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lookalike.callers.idempotency import Answer, Claim, Claims
from lookalike.errors import LookalikeError
from lookalike_api.entry.callers import Caller
from lookalike_api.entry.gate import enter

# What is kept of an answer's headers; the others belong to the one moment or connection.
_KEPT_HEADERS = frozenset({"content-type", "location"})

# Endpoints that take a key answer with a few hundred bytes.
_MOST_BYTES = 65_536

# What may be different when the same request comes again.
_PASSING = frozenset({408, 409, 429})

log = structlog.get_logger()

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Chosen by the caller: the same request with the same key is done once.",
        examples=["8e03978e-40d5-43e8-bc93-6894a57f9324"],
    ),
]


class Replayed(Exception):
    """The request was answered before; carries that answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("answered before")
        self.answer = answer


async def once(
    request: Request, caller: Annotated[Caller, Depends(enter)], key: Key = None
) -> None:
    """Claim the request's key, if it has one; raises Replayed where it was answered before."""
    if key is None:
        return
    claims: Claims = request.app.state.claims
    fingerprint = fingerprint_of(request, await request.body())
    claim = await run_in_threadpool(claims.claim, caller.key_id, key, fingerprint)
    if isinstance(claim, Answer):
        raise Replayed(claim)
    request.state.claim = claim


WRITE_ONCE, ADMIN_ONCE = (Security(once, scopes=[scope]) for scope in ("write", "admin"))
"""The same as WRITE and ADMIN, and besides that a caller may give the request a key."""


def fingerprint_of(request: Request, body: bytes) -> bytes:
    """What makes a request the same: method, path, query, type and body."""
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    name, _, boundary = parameters.strip().partition("=")
    if name.lower() == "boundary":
        # It separates the parts of a form, and clients draw another one each time.
        body = body.replace(boundary.strip('"').encode("latin-1"), b"")
    path = request.scope["path"].removeprefix("/v1")
    query = str(request.scope["query_string"], "latin-1")
    head = "\n".join([request.method, path, query, media_type.strip().lower()])
    return hashlib.sha256(hashlib.sha256(head.encode()).digest() + body).digest()


class KeptAnswers:
    """ASGI middleware that keeps the answer to a request which has claimed a key.

    Before it is sent: who has it can ask for it again. Where the request
    fails for a reason that passes, or nobody knows whether it was done, the
    key is free again.
    """

    def __init__(self, app: ASGIApp, claims: Claims) -> None:
        self._app = app
        self._claims = claims

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        held: list[Message] = []

        async def holding(message: Message) -> None:
            claim = scope["state"].get("claim")
            if claim is None:
                await send(message)
                return
            held.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                await self._settle(claim, _answer(held))
                scope["state"]["claim"] = None
                for one in held:
                    await send(one)

        scope.setdefault("state", {})
        try:
            await self._app(scope, receive, holding)
        finally:
            claim = scope["state"].get("claim")
            if claim is not None:
                await self._settle(claim, None)

    async def _settle(self, claim: Claim, answer: Answer | None) -> None:
        try:
            if answer is None:
                await run_in_threadpool(self._claims.free, claim)
            else:
                await run_in_threadpool(self._claims.keep, claim, answer)
        except LookalikeError as error:
            # The work is done: its answer counts, and the claim is given up for lost in time.
            log.warning("answer not kept", reason=error.reason, message=str(error))


def _answer(messages: list[Message]) -> Answer | None:
    """The answer that is to be given again; None where the same request may fare otherwise."""
    status: int = messages[0]["status"]
    body = b"".join(message.get("body", b"") for message in messages[1:])
    if status >= 500 or status in _PASSING or len(body) > _MOST_BYTES:
        return None
    headers = {
        str(name, "latin-1"): str(value, "latin-1") for name, value in messages[0]["headers"]
    }
    return Answer(status, {k: v for k, v in headers.items() if k in _KEPT_HEADERS}, body)
