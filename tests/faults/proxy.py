"""A TCP proxy that can lose its connections without a word, as a failed network does."""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Callable
from typing import Self

_MOST_BYTES = 65536


class Proxy:
    """Forwards loopback connections to a port while it is entered."""

    def __init__(self, to_port: Callable[[], int]) -> None:
        self._to_port = to_port
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        # Where a socket's bytes go; None: nowhere, and nobody is told.
        self._peers: dict[socket.socket, socket.socket | None] = {}
        self._clients: set[socket.socket] = set()
        self._is_dark = False
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="proxy")

    def go_dark(self) -> None:
        """Cut all connections half: clients keep theirs and are never answered again."""
        with self._lock:
            self._is_dark = True
            for client in self._clients:
                server = self._peers.get(client)
                self._peers[client] = None
                if server is not None:
                    self._forget(server)

    def go_light(self) -> None:
        """Forward new connections again; those that were cut stay so."""
        with self._lock:
            self._is_dark = False

    def __enter__(self) -> Self:
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        for each in (*self._peers, self._listener):
            each.close()
        self._selector.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            for key, _ in self._selector.select(timeout=0.2):
                with self._lock:
                    if key.fileobj is self._listener:
                        self._accept()
                    elif key.fileobj in self._peers:
                        assert isinstance(key.fileobj, socket.socket)
                        self._forward(key.fileobj)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        server: socket.socket | None = None
        if not self._is_dark:
            try:
                server = socket.create_connection(("127.0.0.1", self._to_port()), timeout=1)
            except OSError:
                client.close()
                return
            self._watch(server, client)
        self._watch(client, server)
        self._clients.add(client)

    def _watch(self, source: socket.socket, peer: socket.socket | None) -> None:
        source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A reader that is frozen must not hold up the others for ever.
        source.settimeout(2)
        self._peers[source] = peer
        self._selector.register(source, selectors.EVENT_READ)

    def _forward(self, source: socket.socket) -> None:
        peer = self._peers[source]
        try:
            data = source.recv(_MOST_BYTES)
            if data and peer is not None:
                peer.sendall(data)
        except OSError:
            data = b""
        if not data:
            self._forget(source)
            if peer is not None:
                self._forget(peer)

    def _forget(self, end: socket.socket) -> None:
        if self._peers.pop(end, end) is not end:
            self._selector.unregister(end)
            self._clients.discard(end)
            end.close()
