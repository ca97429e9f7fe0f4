"""What is in the next batch."""

import threading

from lookalike.jobs import Lane
from lookalike_worker.batching import Batcher


def test_interactive_images_go_first_and_bulk_fills_half_a_batch_beside_them() -> None:
    batcher: Batcher[str] = Batcher()
    for item in ("b1", "b2", "b3", "b4", "b5"):
        batcher.put(item, Lane.BULK)
    batcher.put("i1", Lane.INTERACTIVE)
    assert batcher.next_batch(4) == ["i1", "b1"]
    assert batcher.next_batch(4) == ["b2", "b3", "b4", "b5"]


def test_interactive_images_may_fill_a_whole_batch() -> None:
    batcher: Batcher[str] = Batcher()
    batcher.put("b1", Lane.BULK)
    for item in ("i1", "i2", "i3"):
        batcher.put(item, Lane.INTERACTIVE)
    assert batcher.next_batch(3) == ["i1", "i2", "i3"]
    assert batcher.next_batch(3) == ["b1"]


def test_a_lone_image_does_not_wait_for_a_batch_to_fill() -> None:
    batcher: Batcher[str] = Batcher()
    batcher.put("only", Lane.INTERACTIVE)
    assert batcher.next_batch(64) == ["only"]


def test_an_empty_batcher_waits_until_something_is_put() -> None:
    batcher: Batcher[str] = Batcher()
    taken: list[list[str]] = []
    thread = threading.Thread(target=lambda: taken.append(batcher.next_batch(8)))
    thread.start()
    batcher.put("late", Lane.BULK)
    thread.join(timeout=10)
    assert taken == [["late"]]


def test_closing_gives_what_is_left_and_then_nothing() -> None:
    batcher: Batcher[str] = Batcher()
    batcher.put("left", Lane.BULK)
    batcher.close()
    assert batcher.next_batch(8) == ["left"]
    assert batcher.next_batch(8) == []
