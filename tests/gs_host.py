"""A store that speaks Google's JSON API, as far as gcsfs reads and lists by it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from lookalike.errors import Misconfigured
from lookalike.sources.object_stores import require_store
from tests.object_host import Answering, ObjectHost, answering, page_of

_TOKEN = "a-token"


class _Handler(Answering):
    def do_POST(self) -> None:  # noqa: N802 - the name is the server's
        """A service account's way to a token."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.host.requests.append(self.path)
        body = {"access_token": _TOKEN, "expires_in": 3600, "token_type": "Bearer"}
        self._answer_json(200, body)

    def do_GET(self) -> None:  # noqa: N802
        host = self.host
        host.requests.append(self.path)
        asked = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(asked.query).items()}
        way, _, rest = asked.path.partition("/storage/v1/b/")
        bucket, _, key = rest.partition("/o/")
        bucket = bucket.removesuffix("/o")
        if not host.knows_caller or self.headers["Authorization"] != f"Bearer {_TOKEN}":
            self._refuse(401, "Anonymous caller does not have storage.objects.get access")
        elif bucket in host.closed:
            self._refuse(403, "somebody@example.org does not have storage.objects.get access")
        elif bucket not in host.buckets:
            self._refuse(404, "The specified bucket does not exist.")
        elif key:
            self._object(bucket, unquote(key), is_media=way == "/download")
        else:
            self._list(bucket, query)

    def _object(self, bucket: str, key: str, *, is_media: bool) -> None:
        data = self.host.buckets[bucket].get(key)
        if data is None:
            self._refuse(404, f"No such object: {bucket}/{key}")
        elif not is_media:
            self._answer_json(200, _described(bucket, key, data))
        elif not self.answer_object(data, self.headers.get("Range", "")):
            self._refuse(416, "Requested range not satisfiable")

    def _list(self, bucket: str, query: dict[str, str]) -> None:
        objects = self.host.buckets[bucket]
        prefix, start = query.get("prefix", ""), query.get("pageToken", "")
        page = page_of(objects, prefix, query.get("delimiter", ""), start)
        body: dict[str, object] = {"kind": "storage#objects", "prefixes": page.folders}
        body["items"] = [_described(bucket, key, objects[key]) for key in page.keys]
        if page.following:
            body["nextPageToken"] = page.following
        self._answer_json(200, body)

    def _refuse(self, status: int, message: str) -> None:
        self._answer_json(status, {"error": {"code": status, "message": message}})

    def _answer_json(self, status: int, body: object) -> None:
        self.answer(status, json.dumps(body).encode(), Content_Type="application/json")


def _described(bucket: str, key: str, data: bytes) -> dict[str, str]:
    return {"kind": "storage#object", "bucket": bucket, "name": key, "size": str(len(data))}


@contextmanager
def gs_host(folder: Path) -> Iterator[ObjectHost]:
    """A server with no bucket; the account's file is put into a folder. Skips without gcsfs."""
    # By our own way, which settles how gcsfs is to speak before it is imported.
    try:
        require_store("gs")
    except Misconfigured as error:
        pytest.skip(str(error))
    host = ObjectHost()
    with answering(host, _Handler):
        host.environment = google_environment(host.url, folder)
        yield host


def google_environment(url: str, folder: Path) -> dict[str, str]:
    """What leads Google's libraries to a server, as an account that has its tokens from there."""
    account = folder / "account.json"
    account.write_text(json.dumps(_account(f"{url}/token")))
    return {"STORAGE_EMULATOR_HOST": url, "GOOGLE_APPLICATION_CREDENTIALS": str(account)}


def _account(token_uri: str) -> dict[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return {
        "type": "service_account",
        "project_id": "a-project",
        "private_key_id": "1",
        "private_key": pem.decode(),
        "client_email": "somebody@example.org",
        "token_uri": token_uri,
    }
