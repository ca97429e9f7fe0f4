"""Free ports on the loopback address."""

from __future__ import annotations

import socket

from lookalike.local.ports import LOOPBACK, free_port, is_free


def test_the_preferred_port_is_kept_where_it_is_free() -> None:
    port = free_port()
    assert free_port(port) == port


def test_a_port_that_somebody_listens_on_is_not_free() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        assert not is_free(port)
        assert free_port(port) != port


def test_a_preferred_port_that_is_none_is_passed_over() -> None:
    assert free_port(70_000) < 65_536
