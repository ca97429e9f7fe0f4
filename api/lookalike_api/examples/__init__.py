"""An example for each request and each answer, by the operation's id."""

from __future__ import annotations

from lookalike_api.examples.example import Example
from lookalike_api.examples.images import IMAGES
from lookalike_api.examples.operating import OPERATING
from lookalike_api.examples.webhooks import WEBHOOKS

__all__ = ["EXAMPLES", "Example"]

EXAMPLES: dict[str, Example] = {**IMAGES, **OPERATING, **WEBHOOKS}
