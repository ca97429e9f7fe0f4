"""What a notebook shows of a search."""

from __future__ import annotations

import pickle
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence

from lookalike import Neighbour, Neighbours
from lookalike.errors import StoreUnavailable
from lookalike.pictures.gallery import MOST_BYTES, MOST_SHOWN

JPEG = b"\xff\xd8\xff\xe0 a picture"


def found(n: int, reference: str = "https://images.example/a.jpg") -> Neighbours:
    return Neighbours([Neighbour(i, reference, i / 100, {}) for i in range(1, n + 1)], k=n)


def shown(neighbours: Neighbours, thumbnails: Mapping[int, bytes]) -> str:
    neighbours.thumbnails = lambda _: thumbnails
    return neighbours._repr_html_()


def test_each_hit_has_its_picture_distance_and_reference() -> None:
    page = shown(found(3), {1: JPEG, 3: JPEG})
    assert page.count("<figure") == 3
    assert page.count(f'src="data:image/jpeg;base64,{b64encode(JPEG).decode()}"') == 2
    assert re.findall(r"<b>(.*?)</b>", page) == ["0.0100", "0.0200", "0.0300"]
    assert page.count("https://images.example/a.jpg") == 3


def test_nothing_is_loaded_and_nothing_of_a_reference_is_markup() -> None:
    page = shown(found(1, '"><script src=//evil.example></script><img src=x onerror=alert(1)>'), {})
    assert "<script" not in page
    assert "<img" not in page
    assert not re.findall(r"<[^>]*\s(src|href|style)=[\"']?(?!data:)\w*(//|url\()", page)


def test_only_jpegs_of_a_bounded_size_and_number_are_in_it() -> None:
    odd = {1: b"<svg onload=alert(1)>", 2: JPEG + bytes(MOST_BYTES), 3: b""}
    assert "<img" not in shown(found(3), odd)
    asked: list[Sequence[int]] = []
    many = found(1000, "x" * 2000)

    def thumbnails(ids: Sequence[int]) -> dict[int, bytes]:
        asked.append(ids)
        return {}

    many.thumbnails = thumbnails
    page = many._repr_html_()
    assert asked == [list(range(1, MOST_SHOWN + 1))]
    assert f"{MOST_SHOWN} of 1000 are shown" in page
    assert len(page) < MOST_SHOWN * 500


def test_without_a_client_or_a_server_the_rest_is_shown() -> None:
    assert "images.example" in found(1)._repr_html_()
    assert found(0)._repr_html_() == "<p>No image matches.</p>"
    lost = found(1)

    def fail(_: Sequence[int]) -> dict[int, bytes]:
        raise StoreUnavailable("gone")

    lost.thumbnails = fail
    assert "images.example" in lost._repr_html_()


def test_elsewhere_it_is_a_list_and_can_be_stored() -> None:
    neighbours = found(2)
    neighbours.thumbnails = lambda _: {}
    again = pickle.loads(pickle.dumps(neighbours))
    assert (again, again.k, again.thumbnails) == (neighbours, 2, None)
    assert repr(neighbours).startswith("[Neighbour(image_id=1, ")
