"""Whatever a name server answers, only hosts of the public internet are dialled."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from lookalike.dialling.addresses import is_public
from lookalike.errors import FetchFailed, ReferenceForbidden, ReferenceInvalid
from lookalike.images import ImageRef
from tests.security.canary import Canary
from tests.security.conftest import MakeFetcher
from tests.security.raw_host import RawHost, answer, redirect

URL = ImageRef("http://images.test/a.jpg")

# The first and the last address of each range that IANA sets apart.
RANGES = {
    "this network": ("0.0.0.0", "0.255.255.255"),
    "private use 10": ("10.0.0.0", "10.255.255.255"),
    "carrier-grade NAT": ("100.64.0.0", "100.127.255.255"),
    "loopback": ("127.0.0.0", "127.255.255.255"),
    "link-local": ("169.254.0.0", "169.254.255.255"),
    "private use 172": ("172.16.0.0", "172.31.255.255"),
    "protocol assignments": ("192.0.0.0", "192.0.0.255"),
    "documentation 1": ("192.0.2.0", "192.0.2.255"),
    "6to4 relays": ("192.88.99.0", "192.88.99.255"),
    "private use 192": ("192.168.0.0", "192.168.255.255"),
    "benchmarking": ("198.18.0.0", "198.19.255.255"),
    "documentation 2": ("198.51.100.0", "198.51.100.255"),
    "documentation 3": ("203.0.113.0", "203.0.113.255"),
    "multicast": ("224.0.0.0", "239.255.255.255"),
    "reserved and broadcast": ("240.0.0.0", "255.255.255.255"),
    "unspecified and loopback 6": ("::", "::1"),
    "compatible": ("::2", "::ffff:ffff"),
    "mapped": ("::ffff:0:0", "::ffff:ffff:ffff"),
    "translated": ("::ffff:0:0:0", "::ffff:0:ffff:ffff"),
    "NAT64": ("64:ff9b::", "64:ff9b::ffff:ffff"),
    "local NAT64": ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"),
    "discard": ("100::", "100::ffff:ffff:ffff:ffff"),
    "Teredo": ("2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff"),
    "benchmarking 6": ("2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff"),
    "ORCHID": ("2001:10::", "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff"),
    "ORCHID 2": ("2001:20::", "2001:2f:ffff:ffff:ffff:ffff:ffff:ffff"),
    "documentation 6": ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
    "6to4": ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    "documentation 6, new": ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"),
    "segment routing": ("5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    "unique local": ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    "link-local 6": ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    "site-local": ("fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    "multicast 6": ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
}
SPECIAL = [pytest.param(it, id=f"{n}: {it}") for n, both in RANGES.items() for it in both]

METADATA = {
    "AWS, Azure, Google": "169.254.169.254",
    "AWS containers": "169.254.170.2",
    "AWS 6": "fd00:ec2::254",
    "Google 6": "fd20:ce::254",
    "Azure's wire server": "168.63.129.16",
    "Alibaba": "100.100.100.200",
    "Oracle": "192.0.0.192",
    "mapped": "::ffff:169.254.169.254",
    "by NAT64": "64:ff9b::a9fe:a9fe",
    "by 6to4": "2002:a9fe:a9fe::1",
    "link-local 6": "fe80::a9fe:a9fe",
    "link-local 6 with its zone": "fe80::a9fe:a9fe%eth0",
}

NO_ADDRESS = ["", "localhost", "127.1", "0177.0.0.1", "8.8.8.8 ", "8.8.8.8%lo", "2606:4700::1%1"]


@pytest.mark.parametrize("address", SPECIAL)
def test_no_special_address_is_dialled(
    address: str, make_fetcher: MakeFetcher, dialled: list[str]
) -> None:
    fetcher = make_fetcher(resolve=lambda _host, _port: [address])
    with pytest.raises(ReferenceForbidden, match="not public") as caught:
        fetcher.fetch(URL)
    assert caught.value.value == [address]
    assert address not in str(caught.value)
    assert dialled == []


@pytest.mark.parametrize("address", METADATA.values(), ids=METADATA.keys())
def test_no_cloud_gives_its_keys_away_even_where_the_name_is_allowed(
    address: str, make_fetcher: MakeFetcher, dialled: list[str]
) -> None:
    for allow_hosts in ((), ("images.test",)):
        fetcher = make_fetcher(resolve=lambda _host, _port: [address], allow_hosts=allow_hosts)
        with pytest.raises(ReferenceForbidden):
            fetcher.fetch(URL)
    assert dialled == []


@pytest.mark.parametrize("address", NO_ADDRESS)
def test_what_is_no_address_is_not_dialled(
    address: str, make_fetcher: MakeFetcher, dialled: list[str]
) -> None:
    with pytest.raises(ReferenceForbidden):
        make_fetcher(resolve=lambda _host, _port: [address]).fetch(URL)
    assert dialled == []


@pytest.mark.parametrize(
    "addresses",
    [
        ["8.8.8.8", "127.0.0.1"],
        ["127.0.0.1", "8.8.8.8"],
        ["8.8.8.8", "2606:4700::1", "169.254.169.254"],
        ["2606:4700::1", "::1"],
        ["8.8.8.8"] * 50 + ["10.0.0.1"],
        ["8.8.8.8", "::ffff:8.8.8.8"],
        ["8.8.8.8", ""],
    ],
)
def test_one_address_that_is_not_public_refuses_them_all(
    addresses: list[str], make_fetcher: MakeFetcher, dialled: list[str]
) -> None:
    with pytest.raises(ReferenceForbidden, match="not public"):
        make_fetcher(resolve=lambda _host, _port: addresses).fetch(URL)
    assert dialled == []


def test_a_second_answer_is_never_asked_for(
    make_fetcher: MakeFetcher, canary: Canary, dialled: list[str]
) -> None:
    answers = [["8.8.8.8", "2606:4700::1"], ["127.0.0.1"], ["127.0.0.1"]]
    fetcher = make_fetcher(
        resolve=lambda _host, _port: answers.pop(0), ports=frozenset({canary.port})
    )
    with pytest.raises(FetchFailed):
        fetcher.fetch(ImageRef(f"http://images.test:{canary.port}/"))
    assert dialled == ["8.8.8.8", "2606:4700::1"]
    assert answers == [["127.0.0.1"], ["127.0.0.1"]]


def test_a_name_that_leads_elsewhere_after_a_redirect_is_judged_again(
    make_fetcher: MakeFetcher, canary: Canary
) -> None:
    answers = {"images.test": ["127.0.0.1"], "rebound.test": ["127.0.0.1"]}
    with RawHost({"/": redirect(f"http://rebound.test:{canary.port}/")}) as host:
        fetcher = make_fetcher(
            resolve=lambda name, _port: answers[name],
            allow_hosts=(host.origin,),
            ports=frozenset({canary.port}),
        )
        with pytest.raises(ReferenceForbidden, match=r"rebound\.test leads to an address"):
            fetcher.fetch(ImageRef(host.url()))


@pytest.mark.parametrize(
    "failure", [socket.gaierror("no such host"), TimeoutError("no answer"), OSError("no network")]
)
def test_a_name_that_does_not_resolve_may_do_so_later(
    failure: OSError, make_fetcher: MakeFetcher, dialled: list[str]
) -> None:
    def fail(_host: str, _port: int) -> list[str]:
        raise failure

    with pytest.raises(FetchFailed, match="does not resolve"):
        make_fetcher(resolve=fail).fetch(URL)
    assert dialled == []


def test_a_name_without_addresses_may_have_some_later(
    make_fetcher: MakeFetcher, dialled: list[str]
) -> None:
    with pytest.raises(FetchFailed, match="has no address"):
        make_fetcher(resolve=lambda _host, _port: []).fetch(URL)
    assert dialled == []


def test_a_name_that_no_resolver_can_write_is_invalid(make_fetcher: MakeFetcher) -> None:
    def fail(host: str, _port: int) -> list[str]:
        raise UnicodeEncodeError("idna", host, 0, 1, "label too long")

    with pytest.raises(ReferenceInvalid):
        make_fetcher(resolve=fail).fetch(URL)


def test_a_slow_name_server_holds_no_fetch(make_fetcher: MakeFetcher, dialled: list[str]) -> None:
    done = threading.Event()

    def slow(_host: str, _port: int) -> list[str]:
        done.wait(30)
        return ["8.8.8.8"]

    start = time.monotonic()
    try:
        with pytest.raises(FetchFailed, match="too long to resolve"):
            make_fetcher(resolve=slow, connect_timeout_s=0.1).fetch(URL)
    finally:
        done.set()
    assert time.monotonic() - start < 2
    assert dialled == []


@pytest.mark.parametrize("address", ["10.0.0.1", "::ffff:127.0.0.1", "198.18.0.1", "224.0.0.1"])
def test_an_allowed_name_leads_to_private_hosts_and_nowhere_else(
    address: str, make_fetcher: MakeFetcher, dialled: list[str]
) -> None:
    fetcher = make_fetcher(resolve=lambda _host, _port: [address], allow_hosts=("images.test",))
    is_private = address == "10.0.0.1"
    with pytest.raises(FetchFailed if is_private else ReferenceForbidden):
        fetcher.fetch(URL)
    assert dialled == ([address] if is_private else [])


@pytest.mark.parametrize("address", ["169.254.169.254", "[fe80::1]", "198.18.0.1", "[::]"])
def test_an_address_is_dialled_where_it_is_itself_allowed(
    address: str, make_fetcher: MakeFetcher, dialled: list[str]
) -> None:
    with pytest.raises(FetchFailed):
        make_fetcher(allow_hosts=(address,)).fetch(ImageRef(f"http://{address}/"))
    assert dialled == [address.strip("[]")]


def test_the_canary_hears_whom_the_policy_allows(make_fetcher: MakeFetcher) -> None:
    with RawHost({"/": answer(b"image", "Content-Length: 5")}) as host:
        fetcher = make_fetcher(allow_hosts=(host.origin,))
        assert fetcher.fetch(ImageRef(host.url())) == b"image"
    assert len(host.requests) == 1


NEIGHBOURS = """
    1.0.0.0 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0
    168.63.129.15 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.0
    192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255
    2001:200:: 2001:db7:ffff:: 2001:db9:: 2001:ffff:: 2003:: 2606:4700::1 3ffe::1
"""


@pytest.mark.parametrize("address", NEIGHBOURS.split())
def test_the_neighbours_of_special_ranges_are_public(address: str) -> None:
    assert is_public(address)
