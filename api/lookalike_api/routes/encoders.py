"""The encoders whose features there are."""

from __future__ import annotations

from fastapi import APIRouter

from lookalike_api.entry import READ
from lookalike_api.payloads import Encoders
from lookalike_api.routes.context import InContext

router = APIRouter(tags=["encoders"])


@router.get("/encoders", dependencies=[READ])
def list_encoders(context: InContext) -> Encoders:
    """The feature spaces, the oldest first: who works in each, and which collections serve it.

    Where `is_trained` is false the weights are random, and neighbours mean nothing.
    """
    return Encoders(encoders=context.backend.client.catalogue.spaces())
