"""What an example has, and what several of them show."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

AT = "2026-11-28T12:00:00Z"
SPACE = "nasnet_large@0123456789ab"
URL = "https://images.example/shoe.jpg"
OTHER_URL = "https://images.example/boot.jpg"
RECEIPT = {"n_images": 1, "n_features": 1, "n_jobs": 1, "n_uploads": 0}


@dataclass(frozen=True, slots=True)
class Example:
    """A JSON body that may be sent, a form's fields, and what is answered."""

    answer: Any
    request: Any = None
    form: dict[str, Any] = field(default_factory=dict)
