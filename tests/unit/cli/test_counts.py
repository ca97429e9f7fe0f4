"""Numbers of things, as commands print them."""

from __future__ import annotations

from lookalike.cli.counts import counted


def test_one_thing_is_no_plural() -> None:
    assert [counted(n, "image") for n in (0, 1, 2)] == ["0 images", "1 image", "2 images"]
    assert counted(1, "delivery", "deliveries") == "1 delivery"
    assert counted(1_200, "delivery", "deliveries") == "1,200 deliveries"
