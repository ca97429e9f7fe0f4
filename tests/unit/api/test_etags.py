from __future__ import annotations

import pytest

from lookalike_api.etags import etag_of, is_known

ETAG = etag_of(b"bytes")


def test_other_bytes_have_another_tag() -> None:
    assert etag_of(b"bytes") == ETAG != etag_of(b"other bytes")


@pytest.mark.parametrize("header", [ETAG, f'"a", {ETAG}', f"W/{ETAG}", "*"])
def test_a_tag_is_known_by_each_of_its_forms(header: str) -> None:
    assert is_known(ETAG, header)


@pytest.mark.parametrize("header", [None, "", '"a"', ETAG.strip('"')])
def test_another_tag_is_not_known(header: str | None) -> None:
    assert not is_known(ETAG, header)
