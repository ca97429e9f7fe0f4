"""The endpoints; each is a thin step from a payload to the client and back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from threading import BoundedSemaphore
from typing import Annotated, Any, Protocol

import numpy as np
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from lookalike.client import DEFAULT_COLLECTION, Lookalike
from lookalike.duplicates import DuplicatePage, Tier
from lookalike.errors import LookalikeError, Unavailable, WaitedTooLong
from lookalike.features import Neighbours
from lookalike.inputs import ImageLike
from lookalike.jobs import Job
from lookalike.settings import Settings
from lookalike.status import Status
from lookalike.story import Story
from lookalike_api import payloads
from lookalike_api.bodies import Picture, described, read_body
from lookalike_api.payloads import (
    Added,
    AddImage,
    AddUpload,
    Alive,
    CollectionName,
    Found,
    Problem,
    Ready,
    SameImages,
    Search,
    SearchUpload,
)
from lookalike_api.problems import MEDIA_TYPE, problem_of
from lookalike_api.references import permitted

MAX_WAIT_S = 60


class Backend(Protocol):
    """What the endpoints need of the process; errors are lookalike's own."""

    @property
    def client(self) -> Lookalike: ...

    def n_workers(self) -> int:
        """Count the live workers, after checking that Postgres has the right schema."""


@dataclass(frozen=True, slots=True)
class Context:
    """What every endpoint is given. `waiters` bounds the threads that wait for workers."""

    settings: Settings
    backend: Backend
    waiters: BoundedSemaphore


_PROBLEM = {
    "description": "A problem, as RFC 9457 writes it",
    "content": {MEDIA_TYPE: {"schema": Problem.model_json_schema()}},
}
router = APIRouter(responses={"4XX": _PROBLEM, "5XX": _PROBLEM})


def _context(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


InContext = Annotated[Context, Depends(_context)]
PathId = Annotated[int, Path(ge=1, le=payloads.MAX_ID)]


async def _add_body(request: Request, context: InContext) -> AddImage | tuple[AddUpload, Picture]:
    return await read_body(request, AddImage, AddUpload, max_bytes=context.settings.max_bytes)


async def _search_body(
    request: Request, context: InContext
) -> Search | tuple[SearchUpload, Picture]:
    return await read_body(request, Search, SearchUpload, max_bytes=context.settings.max_bytes)


# `Any`, since the framework would else read these unions as bodies of its own.
AddBody = Annotated[Any, Depends(_add_body)]
SearchBody = Annotated[Any, Depends(_search_body)]


@router.post("/images", status_code=202, openapi_extra=described(AddImage, AddUpload))
def add_image(context: InContext, body: AddBody, response: Response) -> Added:
    """Enqueue an image by its reference or by its bytes; doing it again does nothing."""
    image: ImageLike
    if isinstance(body, AddImage):
        image = permitted(body.reference, context.settings.file_roots)
        collection, metadata = body.collection, body.metadata
    else:
        fields, picture = body
        image, collection = picture.data, fields.collection
        metadata = {**({"name": picture.name} if picture.name else {}), **fields.metadata}
    enqueued = context.backend.client.add(image, collection=collection, metadata=metadata)
    if enqueued.job_id is not None:
        response.headers["Location"] = f"/v1/jobs/{enqueued.job_id}"
    return Added.of(enqueued)


@router.get("/jobs/{job_id}")
def read_job(
    context: InContext,
    job_id: PathId,
    wait_s: Annotated[float, Query(ge=0, le=MAX_WAIT_S, allow_inf_nan=False)] = 0,
) -> Job:
    """A job as it stands, or as it stands once it is done or failed, or `wait_s` have passed.

    Where very many wait already, it answers at once.
    """
    client = context.backend.client
    if wait_s and context.waiters.acquire(blocking=False):
        try:
            return client.wait([job_id], timeout_s=wait_s)[0]
        except WaitedTooLong:
            return client.job(job_id)
        finally:
            context.waiters.release()
    return client.job(job_id)


@router.post("/search", openapi_extra=described(Search, SearchUpload))
def search(context: InContext, body: SearchBody) -> Found:
    """The nearest images to a stored image, a reference, an uploaded picture or features."""
    found = _found(context, body)
    return Found(neighbours=found, n_missing=found.n_missing)


@router.get("/images/{image_id}")
def read_image(context: InContext, image_id: PathId) -> Story:
    """The story of one image: how far its last job came, and where it stopped."""
    return context.backend.client.why(image_id)


@router.get("/images/{image_id}/duplicates")
def read_duplicates(
    context: InContext,
    image_id: PathId,
    collection: Annotated[CollectionName | None, Query()] = None,
    k: Annotated[int, Query(ge=1, le=10_000)] = 100,
) -> SameImages:
    """What is the same as a stored image: identical, near-duplicate or similar."""
    found = context.backend.client.duplicates(image_id, collection=collection, k=k)
    return SameImages(duplicates=found, is_calibrated=found.is_calibrated)


@router.get("/duplicates")
def read_duplicate_pairs(
    context: InContext,
    collection: Annotated[CollectionName, Query()] = DEFAULT_COLLECTION,
    tier: Tier = Tier.IDENTICAL,
    after: Annotated[int, Query(ge=0, le=payloads.MAX_ID)] = 0,
    n_images: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> DuplicatePage:
    """The pairs of a collection that are the same, of some images at a time.

    Ask again with `after` = `next_after` until that is null.
    """
    return context.backend.client.duplicate_page(
        collection, tier=tier, after=after, n_images=n_images
    )


@router.get("/status")
def read_status(context: InContext) -> Status:
    """What waits, is done and failed, by collection and lane; how fast; the live workers."""
    return context.backend.client.status()


@router.get("/healthz")
async def healthz() -> Alive:
    """The process is alive; says nothing of what it depends on."""
    return Alive()


@router.get("/readyz")
def readyz(context: InContext) -> Ready:
    """Postgres answers and has the right schema, else 503; without workers, jobs wait."""
    try:
        return Ready(ready=True, n_workers=context.backend.n_workers())
    except LookalikeError as error:
        # Also where the operator has to act, this process is merely not ready.
        raise NotReady(problem_of(error)) from error


class NotReady(Exception):
    """The API cannot serve now; carries the problem that says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem.model_copy(update={"status": 503})


def _found(context: Context, body: Search | tuple[SearchUpload, Picture]) -> Neighbours:
    question = body if isinstance(body, Search) else body[0]
    ask = partial(
        context.backend.client.search,
        collection=question.collection,
        k=question.k,
        **payloads.narrowing(question),
    )
    if not isinstance(body, Search):
        with _waiting(context):
            return ask(body[1].data)
    if body.reference is not None:
        ref = permitted(body.reference, context.settings.file_roots)
        with _waiting(context):
            return ask(ref)
    if body.features is not None:
        return ask(features=np.asarray(body.features, dtype=np.float64))
    return ask(image_id=body.image_id)


@contextmanager
def _waiting(context: Context) -> Iterator[None]:
    if not context.waiters.acquire(blocking=False):
        raise Unavailable(
            "too many searches wait for a worker already: try again later, or start more workers"
        )
    try:
        yield
    finally:
        context.waiters.release()
