from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from lookalike.dialling import AllowedHosts, Resolve, resolve
from lookalike.dialling.addresses import is_private, is_public
from lookalike.errors import FetchFailed, InvalidSetting, ReferenceForbidden, ReferenceInvalid
from lookalike.images import ImageRef
from lookalike_worker.fetching import Fetcher, FetchPolicy
from tests.unit.worker.fetching.image_host import ImageHost

PUBLIC = ["8.8.8.8", "151.101.1.69", "100.63.255.255", "2606:4700::6810:84e5", "2a00:1450::1"]
SPECIAL = {
    "this host": "0.0.0.0",
    "loopback": "127.0.0.1",
    "loopback block": "127.255.0.9",
    "private 10": "10.0.0.1",
    "private 172": "172.31.255.255",
    "private 192": "192.168.1.1",
    "link-local": "169.254.169.254",
    "carrier-grade NAT": "100.64.0.1",
    "protocol assignments": "192.0.0.8",
    "anycast of assignments": "192.0.0.9",
    "documentation": "198.51.100.7",
    "benchmarking": "198.18.0.1",
    "6to4 relay": "192.88.99.1",
    "multicast": "224.0.0.1",
    "multicast global": "239.1.2.3",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "v6 unspecified": "::",
    "v6 loopback": "::1",
    "v4-mapped private": "::ffff:10.0.0.1",
    "v4-mapped public": "::ffff:8.8.8.8",
    "v4-compatible": "::127.0.0.1",
    "v4-translated": "::ffff:0:127.0.0.1",
    "NAT64": "64:ff9b::7f00:1",
    "NAT64 local": "64:ff9b:1::7f00:1",
    "discard": "100::1",
    "Teredo": "2001:0:53aa:64c::1",
    "ORCHID": "2001:20::1",
    "6to4": "2002:7f00:1::1",
    "v6 documentation": "2001:db8::1",
    "v6 documentation, new": "3fff::1",
    "segment routing": "5f00::1",
    "unique local": "fd00::1",
    "v6 link-local": "fe80::1",
    "v6 link-local, scoped": "fe80::1%eth0",
    "v6 site-local": "fec0::1",
    "v6 multicast": "ff02::1",
    "v6 multicast global": "ff0e::1",
    "no address": "localhost",
}


@pytest.fixture
def canary() -> Iterator[socket.socket]:
    """A listening socket that nobody may connect to."""
    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.setblocking(False)
        yield canary
        with pytest.raises(BlockingIOError):
            canary.accept()


def port_of(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def fetch(text: str, resolve: Resolve = resolve, *allow_hosts: str) -> bytes:
    policy = FetchPolicy(1, 2, 1000, allow_hosts=allow_hosts)
    fetcher = Fetcher(policy, load_upload=lambda _: None, resolve=resolve)
    try:
        return fetcher.fetch(ImageRef(text))
    finally:
        fetcher.close()


def first_bytes_to(listener: socket.socket) -> bytes:
    connection, _ = listener.accept()
    with connection:
        return connection.recv(4096)


def answering(*addresses: str) -> Resolve:
    return lambda _host, _port: list(addresses)


to_loopback = answering("127.0.0.1")


@pytest.mark.parametrize("address", PUBLIC)
def test_ordinary_hosts_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", SPECIAL.values(), ids=SPECIAL.keys())
def test_special_ranges_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    ["10.0.0.1", "172.31.0.1", "192.168.1.1", "127.0.0.1", "100.64.0.1", "::1", "fd00::1"],
)
def test_hosts_of_private_networks_are_private(address: str) -> None:
    assert is_private(address)


@pytest.mark.parametrize(
    "address",
    "8.8.8.8 169.254.169.254 100.100.100.200 fd00:ec2::254 fd20:ce::254 fe80::1 fd00::1%eth0 "
    "::ffff:10.0.0.1 198.18.0.1 0.0.0.0 224.0.0.1 localhost".split(),
)
def test_no_other_address_is_private(address: str) -> None:
    assert not is_private(address)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "127.1", "[::1]", "[::]"]
)
def test_no_way_of_writing_loopback_is_let_through(host: str) -> None:
    with pytest.raises(ReferenceForbidden, match="not public"):
        fetch(f"http://{host}/a.jpg")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "images.test"])
def test_ports_beyond_the_web_are_refused(host: str, canary: socket.socket) -> None:
    with pytest.raises(ReferenceForbidden, match="expected 80 or 443"):
        fetch(f"http://{host}:{port_of(canary)}/", to_loopback)


def test_the_name_is_resolved_once_and_the_checked_address_dialled() -> None:
    answers = [["127.0.0.1"], ["127.0.0.2"]]
    with ImageHost(b"image") as host:
        text = host.ref("image").text
        assert fetch(text, lambda _host, _port: answers.pop(0), host.origin) == b"image"
    assert answers == [["127.0.0.2"]]


def test_the_next_address_is_dialled_where_one_does_not_answer() -> None:
    with ImageHost(b"image") as host:
        both = answering("127.0.0.99", "127.0.0.1")
        assert fetch(host.ref("image").text, both, "images.test") == b"image"


def test_an_allowed_host_may_not_redirect_to_another_private_one(canary: socket.socket) -> None:
    with ImageHost(b"image") as host:
        for elsewhere in (f"127.0.0.1:{port_of(canary)}", "127.0.0.1", "localhost"):
            ref = host.ref(f"redirect/http://{elsewhere}/")
            with pytest.raises(ReferenceForbidden):
                fetch(ref.text, to_loopback, host.origin)


@pytest.mark.parametrize("host", ["images.test", "images.test.", "IMAGES.test"])
def test_tls_asks_for_the_host_by_its_name(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as threads:
        greeting = threads.submit(first_bytes_to, listener)
        with pytest.raises(FetchFailed):
            fetch(f"https://{host}:{port_of(listener)}/", to_loopback, "images.test")
        # A name of TLS stands behind its length: nothing follows it here, not even a dot.
        assert b"\0\x0bimages.test" in greeting.result()


def test_a_host_that_is_no_name_is_invalid() -> None:
    with pytest.raises(ReferenceInvalid):
        fetch(f"http://{'n' * 70}.test/")


def test_entries_of_the_allow_list_name_a_host_or_one_port_of_it() -> None:
    allowed = AllowedHosts.parse(["Intranet.test", "cdn.test:8080", "[0::1]:9000", "10.0.0.1"])
    for host, port in [
        ("intranet.test", 1234),
        ("INTRANET.test.", 80),
        ("cdn.test", 8080),
        ("::1", 9000),
        ("10.0.0.1", 80),
    ]:
        assert (host, port) in allowed
    for host, port in [("cdn.test", 80), ("::1", 80), ("a.intranet.test", 80)]:
        assert (host, port) not in allowed


@pytest.mark.parametrize(
    "entry",
    ["a b", "", *"http://cdn.test h:port h:0 h:65536 cdn.test/images :80 ::1".split()],
)
def test_a_malformed_entry_names_the_setting(entry: str) -> None:
    with pytest.raises(InvalidSetting, match="LOOKALIKE_ALLOW_HOSTS"):
        AllowedHosts.parse([entry])
