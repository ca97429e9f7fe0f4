"""The composition root of the API: settings, connections, routes, and errors as problems."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from importlib.metadata import version
from threading import BoundedSemaphore, Lock

import structlog
import uvicorn
from anyio import CapacityLimiter
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from lookalike.client import Lookalike
from lookalike.database import check_schema, open_engine, transaction
from lookalike.errors import LookalikeError, SchemaOutdated, Unavailable
from lookalike.queue.workers import live_workers
from lookalike.settings import Settings
from lookalike.sources.buckets import AllowedBuckets
from lookalike.status import metrics
from lookalike.telemetry import tracing
from lookalike.telemetry.logs import configure_logs
from lookalike_api import page
from lookalike_api.description import describe
from lookalike_api.endings import Endings
from lookalike_api.entry import (
    READ,
    SAFE_HEADERS,
    BoundedHeads,
    Entry,
    check_openness,
)
from lookalike_api.methods import allowed_methods
from lookalike_api.metrics import Requests
from lookalike_api.payloads import Problem
from lookalike_api.problems import (
    MEDIA_TYPE,
    RETRY_AFTER_S,
    headers_of,
    problem_of,
    problem_of_fields,
    problem_of_status,
)
from lookalike_api.routes import Context, NotReady, routers

# Requests run in 40 threads; some must stay free for those that wait for nobody.
MAX_WAITERS = 24
# Apart from those: whoever tests webhooks that hang takes no search's place.
MAX_TESTERS = 4
# Of ten connections to Postgres, bulks take four.
MAX_BULK_THREADS = 4
_SHUTDOWN_S = 10

log = structlog.get_logger()


class Connections:
    """The process's ways to Postgres: a client, opened when it can be, and one for readiness."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._url = settings.require_database()
        # Readiness has a connection of its own: a busy pool is not a broken one.
        self._engine = open_engine(self._url, pool_size=1, application="lookalike api ready")
        self._client: Lookalike | None = None
        self._lock = Lock()

    @property
    def client(self) -> Lookalike:
        """The one client; opened by the first request that finds Postgres up."""
        if self._client is not None:
            return self._client
        # Outside the lock, so that an unreachable Postgres makes no queue of requests.
        opened = Lookalike(self._url, settings=self._settings)
        return self._kept(opened)

    def n_workers(self) -> int:
        """Count the live workers; raises StoreUnavailable or SchemaOutdated."""
        check_schema(self._engine)
        with transaction(self._engine) as connection:
            return len(live_workers(connection, lease_s=self._settings.lease_s))

    def backlog(self) -> metrics.BacklogCollector:
        """What Prometheus reads of the jobs that there are."""
        return metrics.BacklogCollector(self._engine, lease_s=self._settings.lease_s)

    def close(self) -> None:
        self._engine.dispose()
        if self._client is not None:
            self._client.close()

    def _kept(self, opened: Lookalike) -> Lookalike:
        with self._lock:
            kept = self._client = self._client or opened
        if kept is not opened:
            opened.close()
        return kept


def create_app(settings: Settings) -> FastAPI:
    """The application; raises InvalidSetting where no database is set, or a setting is none.

    It starts without Postgres as well, answers 503 meanwhile, and serves as
    soon as Postgres is there.
    """
    connections = Connections(settings)
    entry = Entry(settings)
    end_traces = tracing.configure("lookalike-api", is_on=settings.traces)

    context = Context(
        settings,
        connections,
        BoundedSemaphore(MAX_WAITERS),
        BoundedSemaphore(MAX_TESTERS),
        CapacityLimiter(MAX_BULK_THREADS),
        Endings(lambda: connections.client),
        AllowedBuckets.parse(settings.buckets),
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            await run_in_threadpool(lambda: connections.client)
        except (Unavailable, SchemaOutdated) as error:
            log.warning("api not ready", reason=error.reason, message=str(error))
        yield
        context.endings.close()
        connections.close()
        await entry.close()
        end_traces()

    app = FastAPI(
        title="lookalike",
        version=version("lookalike"),
        lifespan=lifespan,
        # The pages would load their scripts from hosts elsewhere.
        docs_url=None,
        redoc_url=None,
        # Asked for with every request otherwise, whether anyone wants to know or not.
        telemetry={"tracing": settings.traces, "metrics": False, "logs": False},
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.context = context
    # Not as one router of them all: every request would be matched at one more level.
    for router in routers:
        app.include_router(router, prefix="/v1")
    for router in routers:
        app.include_router(router, include_in_schema=False)
    app.include_router(page.router)
    _answer_problems(app)
    describe(app)
    entry.install(app)
    _serve_metrics(app, connections)
    return app


def serve(settings: Settings) -> None:
    """Serve HTTP until the process is told to end; uvicorn logs the address.

    Raises InvalidSetting where a whole network would be let in without keys.
    """
    check_openness(settings)
    configure_logs()
    uvicorn.run(
        create_app(settings),
        host=settings.api_host,
        port=settings.api_port,
        access_log=False,
        http=BoundedHeads,
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=_SHUTDOWN_S,
    )


def _serve_metrics(app: FastAPI, connections: Connections) -> None:
    registry = metrics.new_registry()
    registry.register(connections.backlog())
    app.add_middleware(Requests, registry=registry)

    @app.get("/metrics", include_in_schema=False, dependencies=[READ])
    def _metrics(request: Request) -> Response:
        media_type, text = metrics.render(registry, request.headers.get("accept", ""))
        return Response(text, media_type=media_type)


def _answer_problems(app: FastAPI) -> None:
    @app.exception_handler(LookalikeError)
    async def _ours(_: Request, error: LookalikeError) -> JSONResponse:
        return _answer(problem_of(error), headers_of(error))

    @app.exception_handler(NotReady)
    async def _not_ready(_: Request, error: NotReady) -> JSONResponse:
        return _answer(error.problem, {"Retry-After": str(RETRY_AFTER_S)})

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        return _answer(problem_of_fields(error.errors()))

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        problem = problem_of_status(error.status_code, str(error.detail))
        headers = dict(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = allowed_methods(request)
        return _answer(problem, headers)

    @app.exception_handler(Exception)
    async def _unexpected(request: Request, error: Exception) -> JSONResponse:
        log.error("request failed", path=request.url.path, error=repr(error))
        problem = problem_of_status(500, "an unexpected error; the log of the API has it")
        # Written outside of all middleware.
        return _answer(problem, SAFE_HEADERS)


def _answer(problem: Problem, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse(
        problem.model_dump(exclude_none=True),
        status_code=problem.status,
        headers=headers,
        media_type=MEDIA_TYPE,
    )
