"""Each hop of a redirect is judged as the first address was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lookalike.errors import (
    FetchFailed,
    ImageNotFound,
    LookalikeError,
    ReferenceForbidden,
    ReferenceInvalid,
)
from lookalike.images import ImageRef
from lookalike_worker.fetching import Fetcher
from tests.security.canary import Canary
from tests.security.conftest import MakeFetcher
from tests.security.raw_host import RawHost, answer, redirect

STATUSES = (301, 302, 303, 307, 308)

# PORT is the canary's, which the policy allows.
PRIVATE = [
    "http://127.0.0.1:PORT/",
    "http://localhost:PORT/",
    "http://[::1]:PORT/",
    "http://[::ffff:127.0.0.1]:PORT/",
    "http://2130706433:PORT/",
    "http://images.test:PORT/",
    "https://127.0.0.1:PORT/",
    "//127.0.0.1:PORT/",
    "HTTP://127.0.0.1:PORT/",
    "http:////127.0.0.1:PORT/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://168.63.129.16/metadata",
    "http://10.0.0.1/",
    "http://0/",
]

OTHER_SCHEMES = [
    "file:///etc/passwd",
    "FILE:///etc/passwd",
    "file:/etc/passwd",
    "file://localhost/etc/passwd",
    "ftp://127.0.0.1:PORT/a.jpg",
    "gopher://127.0.0.1:PORT/_QUIT",
    "dict://127.0.0.1:PORT/info",
    "ldap://127.0.0.1:PORT/",
    "jar:http://127.0.0.1:PORT/a!/b",
    "data:image/png;base64,iVBORw0KGgo=",
    "javascript:alert(1)",
    "upload:0000",
    "unix:/var/run/docker.sock",
    "ws://127.0.0.1:PORT/",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/",
]

REFUSED = [
    ("http://user:password@127.0.0.1:PORT/", ReferenceForbidden),
    ("http://images.test@127.0.0.1:PORT/", ReferenceForbidden),
    ("http://127.0.0.1:22/", ReferenceForbidden),
    ("http://images.test:6379/", ReferenceForbidden),
    ("http://images.test:0/", ReferenceInvalid),
    ("http://images.test:65536/", ReferenceInvalid),
    ("http://[::1/", ReferenceInvalid),
    ("http://127.0.0.%31:PORT/", ReferenceInvalid),
    ("http://127.0.0.1:PORT\t/", ReferenceInvalid),
    ("http://images.test/" + "a" * 10_000, ReferenceInvalid),
    # What browsers take for slashes are parts of a path, on the host that was allowed.
    ("\\\\127.0.0.1:PORT/", ImageNotFound),
    ("/\\127.0.0.1:PORT/", ImageNotFound),
    ("/elsewhere", ImageNotFound),
    ("?elsewhere", ImageNotFound),
    ("http:/elsewhere", ImageNotFound),
]


@pytest.fixture
def answers() -> dict[str, bytes]:
    return {}


@pytest.fixture
def host(answers: dict[str, bytes]) -> Iterator[RawHost]:
    with RawHost(answers) as host:
        yield host


@pytest.fixture
def fetcher(host: RawHost, canary: Canary, make_fetcher: MakeFetcher) -> Fetcher:
    """One that may ask the host, and the canary's port."""
    return make_fetcher(allow_hosts=(host.origin,), ports=frozenset({80, 443, canary.port}))


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("location", PRIVATE)
def test_a_redirect_to_a_private_host_is_not_followed(
    location: str,
    status: int,
    host: RawHost,
    answers: dict[str, bytes],
    canary: Canary,
    fetcher: Fetcher,
    dialled: list[str],
) -> None:
    answers["/"] = redirect(location.replace("PORT", str(canary.port)), status)
    with pytest.raises(ReferenceForbidden):
        fetcher.fetch(ImageRef(host.url()))
    assert dialled == ["127.0.0.1"]  # the host that redirects
    assert len(host.requests) == 1


@pytest.mark.parametrize("location", OTHER_SCHEMES)
def test_a_redirect_to_another_scheme_is_not_followed(
    location: str, host: RawHost, answers: dict[str, bytes], canary: Canary, fetcher: Fetcher
) -> None:
    answers["/"] = redirect(location.replace("PORT", str(canary.port)))
    with pytest.raises(ReferenceForbidden, match="http"):
        fetcher.fetch(ImageRef(host.url()))
    assert len(host.requests) == 1


@pytest.mark.parametrize(("location", "error"), REFUSED, ids=lambda it: str(it)[:40])
def test_a_redirect_is_read_as_strictly_as_a_reference(
    location: str,
    error: type[LookalikeError],
    host: RawHost,
    answers: dict[str, bytes],
    canary: Canary,
    fetcher: Fetcher,
) -> None:
    answers["/"] = redirect(location.replace("PORT", str(canary.port)))
    with pytest.raises(error):
        fetcher.fetch(ImageRef(host.url()))


@pytest.mark.parametrize("location", PRIVATE[:4])
def test_the_last_of_several_hops_is_judged_as_the_first(
    location: str, host: RawHost, answers: dict[str, bytes], canary: Canary, fetcher: Fetcher
) -> None:
    answers |= {"/": redirect("/1"), "/1": redirect("/2")}
    answers["/2"] = redirect(location.replace("PORT", str(canary.port)))
    with pytest.raises(ReferenceForbidden, match="not public"):
        fetcher.fetch(ImageRef(host.url()))
    assert len(host.requests) == 3


@pytest.mark.parametrize(
    "hops",
    [{"/": "/"}, {"/": "/1", "/1": "/"}, {"/": "/1", "/1": "/2", "/2": "/3", "/3": "/4"}],
    ids=["to itself", "to and fro", "four hops"],
)
def test_three_redirects_are_the_most(
    hops: dict[str, str], host: RawHost, answers: dict[str, bytes], fetcher: Fetcher
) -> None:
    answers |= {path: redirect(location) for path, location in hops.items()}
    with pytest.raises(ReferenceForbidden, match="more than 3 redirects"):
        fetcher.fetch(ImageRef(host.url()))
    assert len(host.requests) == 4


@pytest.mark.parametrize(
    "line",
    [
        "Location: /image\r\n http://127.0.0.1:PORT/",
        "Location: /image\rLocation: http://127.0.0.1:PORT/",
        "Location: /image\r\r\nX: http://127.0.0.1:PORT/",
        "Location: http://127.0.0.1:PORT/\r\n\t/image",
        "Location: http://images.test/\0http://127.0.0.1:PORT/",
        "Location : http://127.0.0.1:PORT/",
        "Location:",
        "Location: http://ïmages.test\xad@127.0.0.1:PORT/",
    ],
    ids=repr,
)
def test_line_breaks_in_a_location_lead_nowhere(
    line: str, host: RawHost, answers: dict[str, bytes], canary: Canary, fetcher: Fetcher
) -> None:
    line = line.replace("PORT", str(canary.port))
    answers["/"] = answer(b"", line, "Content-Length: 0", status="302 Elsewhere")
    with pytest.raises((ReferenceForbidden, ReferenceInvalid, ImageNotFound, FetchFailed)):
        fetcher.fetch(ImageRef(host.url()))


@pytest.mark.parametrize("status", [300, 304, 305, 306, 310, 399])
def test_other_statuses_of_their_kind_are_not_followed(
    status: int, host: RawHost, answers: dict[str, bytes], canary: Canary, fetcher: Fetcher
) -> None:
    answers["/"] = redirect(f"http://127.0.0.1:{canary.port}/", status)
    with pytest.raises(ImageNotFound):
        fetcher.fetch(ImageRef(host.url()))


@pytest.mark.parametrize("line", ["Refresh: 0; url=URL", "Content-Location: URL", "Link: <URL>"])
def test_no_other_header_leads_anywhere(
    line: str, host: RawHost, answers: dict[str, bytes], canary: Canary, fetcher: Fetcher
) -> None:
    url = f"http://127.0.0.1:{canary.port}/"
    answers["/"] = answer(b"image", line.replace("URL", url), "Content-Length: 5")
    assert fetcher.fetch(ImageRef(host.url())) == b"image"


def test_nothing_of_the_first_request_goes_with_the_second(
    host: RawHost, answers: dict[str, bytes], fetcher: Fetcher
) -> None:
    head = ("Location: /image", "Set-Cookie: a=b", "Content-Length: 0")
    answers["/"] = answer(b"", *head, status="302 Elsewhere")
    answers["/image"] = answer(b"image", "Content-Length: 5")
    assert fetcher.fetch(ImageRef(host.url())) == b"image"
    second = host.requests[1].lower()
    assert not [it for it in (b"cookie", b"authorization", b"referer") if it in second]
