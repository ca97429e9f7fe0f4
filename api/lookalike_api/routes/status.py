"""How things stand: the queue, and whether this process can serve."""

from __future__ import annotations

from fastapi import APIRouter

from lookalike.errors import LookalikeError
from lookalike.status import Status
from lookalike_api.entry import READ
from lookalike_api.payloads import Alive, Problem, Ready
from lookalike_api.problems import problem_of
from lookalike_api.routes.context import InContext

router = APIRouter(tags=["status"])


@router.get("/status", dependencies=[READ])
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
