"""Bytes become lines wherever they are cut, and no line is held that is too long."""

from __future__ import annotations

import pytest

from lookalike_api.ndjson.lines import Line, Lines

BODY = b"one\n\ntwo\r\n  \n" + b"x" * 11 + b"\nthree"
FOUND = [Line(1, b"one"), Line(3, b"two\r"), Line(5, None), Line(6, b"three")]


@pytest.mark.parametrize("n", [1, 2, 3, 7, 12, 13, 100])
def test_lines_are_the_same_however_they_are_cut(n: int) -> None:
    lines = Lines(max_bytes=10)
    found = [line for i in range(0, len(BODY), n) for line in lines.feed(BODY[i : i + n])]
    assert [*found, *lines.end()] == FOUND


def test_an_endless_line_is_not_held() -> None:
    lines = Lines(max_bytes=10)
    for _ in range(1000):
        assert list(lines.feed(b"x" * 100)) == []
    assert list(lines.feed(b"\nshort\n")) == [Line(1, None), Line(2, b"short")]


def test_a_body_that_ends_with_its_last_line_has_no_further_one() -> None:
    lines = Lines()
    assert list(lines.feed(b"one\n")) == [Line(1, b"one")]
    assert list(lines.end()) == []
