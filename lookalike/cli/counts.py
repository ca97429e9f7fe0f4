"""Numbers of things, as people write them: `1 delivery`, `1,200 deliveries`."""

from __future__ import annotations


def counted(n: int, one: str, many: str = "") -> str:
    """The number and its noun; the plural has an s where none is given."""
    return f"{n:,} {one if n == 1 else many or f'{one}s'}"
