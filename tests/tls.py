"""TLS in front of a server that speaks none: the embedded Valkey is built without it.

A process of its own, `python tests/tls.py OUTER_PORT INNER_PORT FOLDER`, so that the
connections that clients leave open end with it.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lookalike.local.ports import LOOPBACK, free_port
from lookalike.local.processes import Child, Command

CERTIFICATE, KEY = "certificate.pem", "key.pem"


@contextmanager
def behind_tls(port: int, folder: Path) -> Iterator[int]:
    """Serve a loopback port through TLS; gives the port that does.

    The certificate, signed by itself, is `certificate.pem` in the folder.
    """
    _make_certificate(folder)
    outer = free_port()
    arguments = [sys.executable, __file__, str(outer), str(port), str(folder)]
    variables = {"PYTHONPATH": str(Path(__file__).parents[1])}
    child = Child(Command("tls", arguments, variables, folder / "tls.log"))
    child.start()
    try:
        child.wait_until(lambda: _is_open(outer), timeout_s=20)
        yield outer
    finally:
        child.stop(timeout_s=5)


def _make_certificate(folder: Path) -> None:
    asked = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=lookalike".split()
    files = ["-out", str(folder / CERTIFICATE), "-keyout", str(folder / KEY)]
    name = ["-addext", f"subjectAltName=IP:{LOOPBACK}"]
    subprocess.run(["openssl", *asked, *name, *files], check=True, capture_output=True)


def _is_open(port: int) -> bool:
    with suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1):
        return True
    return False


async def _serve(outer: int, inner: int, folder: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / CERTIFICATE, folder / KEY)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(LOOPBACK, inner)
        await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))

    async with await asyncio.start_server(connected, LOOPBACK, outer, ssl=context) as server:
        await server.serve_forever()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])))
