"""However loopback is written, in whatever digits, the canary hears nothing."""

from __future__ import annotations

import pytest

from lookalike.errors import LookalikeError, ReferenceForbidden, ReferenceInvalid
from lookalike.images import ImageRef
from lookalike_worker.fetching import Fetcher
from tests.security.canary import Canary

NOT_PUBLIC = [
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "127.255.255.254",
    "2130706433",
    "017700000001",
    "0177.1",
    "0x7f000001",
    "0X7F000001",
    "0x7f.1",
    "0x7f.0x0.0x0.0x1",
    "0x7f.000000.0.01",
    "0177.0x0.1",
    "0",
    "0.0.0.0",
    "127。0。0。1",
    "127．0．0．1",
    "127｡0｡0｡1",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "localhost.localdomain",
    "printer.localhost",
    "127.0.0.1.resolver.test",
    "xn--4gbrim",
    "xn--",
    "xn--zzzzzz99999",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000::0001]",
    "[::0.0.0.1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::FFFF:7F00:1]",
    "[0:0:0:0:0:ffff:7f00:0001]",
    "[::127.0.0.1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1::80ff:fffe]",
    "[fe80::5efe:127.0.0.1]",
    "@127.0.0.1",
    "127.0.0.1#@images.test",
    "127.0.0.1?@images.test",
]

NO_HOST = [
    "0177.0.0.1",
    "127.000.000.001",
    "0300.0250.1.1",
    "256.256.256.256",
    "１２７.０.０.１",
    "①②⑦.⓪.⓪.①",
    "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
    "loc\u00adalhost",
    "loc\u200balhost",
    "127.0.0.%31",
    "%31%32%37.0.0.1",
    "loc%61lhost",
    "localhost%00.images.test",
    "localhost%2eimages.test",
    "localhost%23.images.test",
    "127.0.0.1 .images.test",
    "127.0.0.1\t.images.test",
    "127.0.0.1\n",
    "127.0.0.1\0.images.test",
    "127.0.0.1\r\nHost: images.test",
    "..localhost",
    ".localhost",
    "localhost..",
    "a" * 64 + ".localhost",
    "a." * 127 + "localhost",
    "127.0.0.1,images.test",
    "127.0.0.1;images.test",
    "{127.0.0.1}",
    "[::1%lo]",
    "[::1%25lo]",
    "[fe80::1%25eth0]",
    "[::ffff:127.1]",
    "[127.0.0.1]",
    "[v1.127.0.0.1]",
    "[[::1]]",
    "[::1",
]

WITH_USER = [
    "images.test@127.0.0.1",
    "user:password@127.0.0.1",
    "images.test:80@127.0.0.1",
    "images.test\\@127.0.0.1",
    "a@b@127.0.0.1",
    "127.0.0.1%40images.test@localhost",
]


def with_port(authority: str, port: int) -> str:
    """The authority with a port at the end of its host, before any fragment."""
    for mark in "#?":
        host, found, rest = authority.partition(mark)
        if found:
            return f"{host}:{port}/{found}{rest}"
    return f"{authority}:{port}/"


@pytest.mark.parametrize("authority", NOT_PUBLIC)
def test_it_is_the_address_that_counts_and_not_its_spelling(
    authority: str, fetcher: Fetcher, canary: Canary, dialled: list[str]
) -> None:
    with pytest.raises(ReferenceForbidden, match="not public"):
        fetcher.fetch(ImageRef(f"http://{with_port(authority, canary.port)}"))
    assert dialled == []


@pytest.mark.parametrize("authority", NO_HOST)
def test_what_no_name_server_knows_is_not_even_resolved(
    authority: str, fetcher: Fetcher, canary: Canary, dialled: list[str]
) -> None:
    with pytest.raises(ReferenceInvalid):
        fetcher.fetch(ImageRef(f"http://{authority}:{canary.port}/"))
    assert dialled == []


@pytest.mark.parametrize("authority", WITH_USER)
def test_a_user_name_does_not_pass_for_the_host(
    authority: str, fetcher: Fetcher, canary: Canary, dialled: list[str]
) -> None:
    with pytest.raises(ReferenceForbidden, match="user name"):
        fetcher.fetch(ImageRef(f"http://{authority}:{canary.port}/"))
    assert dialled == []


@pytest.mark.parametrize(
    ("port", "error"),
    [(port, ReferenceForbidden) for port in ("22", "25", "6379", "5432", "8080", "81", "444")]
    + [("65535", ReferenceForbidden), ("065535", ReferenceForbidden)]
    + [(port, ReferenceInvalid) for port in ("0", "-1", "65536", "99999", "4294967376")]
    + [(port, ReferenceInvalid) for port in ("80x", "http", "0x50", "8 0", "80:80")],
)
def test_only_the_ports_of_the_web_are_dialled(
    port: str, error: type[LookalikeError], fetcher: Fetcher, dialled: list[str]
) -> None:
    with pytest.raises(error):
        fetcher.fetch(ImageRef(f"http://images.test:{port}/"))
    assert dialled == []
