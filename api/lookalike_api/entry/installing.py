"""Puts the gate and what stands around it into the application."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response
from fastapi.middleware.cors import CORSMiddleware

from lookalike.callers.api_keys import Keys
from lookalike.callers.idempotency import Claims
from lookalike.database import open_engine
from lookalike.settings import Settings
from lookalike_api.entry.answers import SafeAnswers
from lookalike_api.entry.bounds import BoundedBodies
from lookalike_api.entry.gate import Gate
from lookalike_api.entry.once import KeptAnswers, Replayed
from lookalike_api.entry.rates import Counter, InMemory, SharedIfPossible
from lookalike_api.entry.shared_rates import InRedis

# An upload that is too large is refused by its endpoint, which knows better why: this is for
# what the framework reads.
_BESIDE_FILE_BYTES = 1_000_000

_EXPOSED = ("Location", "Retry-After", "RateLimit", "RateLimit-Policy", "Idempotent-Replayed")


class Entry:
    """What decides who comes in, with connections of its own: a busy pool keeps nobody out."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._engine = open_engine(
            settings.require_database(), pool_size=2, application="lookalike api entry"
        )
        self._counter = _counter(settings)
        self.claims = Claims(self._engine)
        self.gate = Gate(settings, Keys(self._engine).verify, self._counter)

    def install(self, app: FastAPI) -> None:
        """Add the gate and the middleware; what is added last is the outermost."""
        app.state.gate, app.state.claims = self.gate, self.claims
        app.add_middleware(KeptAnswers, claims=self.claims)
        app.add_middleware(BoundedBodies, max_bytes=self._settings.max_bytes + _BESIDE_FILE_BYTES)
        if self._settings.cors_origins:
            app.add_middleware(
                CORSMiddleware,
                allow_origins=list(self._settings.cors_origins),
                allow_methods=["GET", "POST", "PUT", "DELETE"],
                allow_headers=["Authorization", "Content-Type", "Idempotency-Key"],
                expose_headers=list(_EXPOSED),
            )
        app.add_middleware(SafeAnswers)

        @app.exception_handler(Replayed)
        async def _replayed(_: Request, replayed: Replayed) -> Response:
            answer = replayed.answer
            headers = {**answer.headers, "Idempotent-Replayed": "true"}
            return Response(answer.body, status_code=answer.status, headers=headers)

    async def close(self) -> None:
        await self._counter.close()
        self._engine.dispose()


def _counter(settings: Settings) -> Counter:
    if not settings.redis_url:
        return InMemory()
    return SharedIfPossible(InRedis(settings.redis_url))
