"""A store that speaks Azure's Blob REST, as far as adlfs reads and lists by it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree as ET

import pytest

from tests.object_host import Answering, ObjectHost, answering, page_of

# A path of the endpoint, as emulators have it.
_ACCOUNT = "somebody"
_KEY = "c2VjcmV0"
_CHANGED = "Sun, 29 Nov 2026 00:00:00 GMT"


class _Handler(Answering):
    def do_GET(self) -> None:  # noqa: N802 - the name is the server's
        host = self.host
        host.requests.append(self.path)
        asked = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(asked.query).items()}
        _, _, container, *parts = unquote(asked.path).split("/", 3)
        is_signed = self.headers.get("Authorization", "").startswith(f"SharedKey {_ACCOUNT}:")
        if not is_signed or not host.knows_caller:
            self._refuse(403, "AuthenticationFailed")
        elif container in host.closed:
            self._refuse(403, "AuthorizationPermissionMismatch")
        elif container not in host.buckets:
            self._refuse(404, "ContainerNotFound")
        elif parts:
            self._blob(host.buckets[container].get(parts[0]))
        elif query.get("comp") == "list":
            self._list(container, query)
        else:
            self.answer(200, b"", Last_Modified=_CHANGED, ETag='"1"')

    do_HEAD = do_GET  # noqa: N815

    def _blob(self, data: bytes | None) -> None:
        asked = self.headers.get("x-ms-range", "")
        if data is None:
            self._refuse(404, "BlobNotFound")
        elif not self.answer_object(
            data, asked, Last_Modified=_CHANGED, ETag='"1"', x_ms_blob_type="BlockBlob"
        ):
            self._refuse(416, "InvalidRange")

    def _list(self, container: str, query: dict[str, str]) -> None:
        listing = _listing(container, self.host.buckets[container], query)
        body = ET.tostring(listing, encoding="utf-8")
        self.answer(200, body, Content_Type="application/xml")

    def _refuse(self, status: int, code: str) -> None:
        error = ET.Element("Error")
        ET.SubElement(error, "Code").text = code
        ET.SubElement(error, "Message").text = "The server says no.\nRequestId:1"
        body = ET.tostring(error, encoding="utf-8")
        self.answer(status, body, Content_Type="application/xml", x_ms_error_code=code)


def _listing(container: str, objects: dict[str, bytes], query: dict[str, str]) -> ET.Element:
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    page = page_of(objects, prefix, delimiter, query.get("marker", ""))
    root = ET.Element("EnumerationResults", ContainerName=container)
    # Azure's library asks for the next page by what this one says that it was asked for.
    ET.SubElement(root, "Prefix").text = prefix
    ET.SubElement(root, "Delimiter").text = delimiter
    blobs = ET.SubElement(root, "Blobs")
    for key in page.keys:
        blob = ET.SubElement(blobs, "Blob")
        ET.SubElement(blob, "Name").text = key
        properties = ET.SubElement(blob, "Properties")
        ET.SubElement(properties, "Last-Modified").text = _CHANGED
        ET.SubElement(properties, "Content-Length").text = str(len(objects[key]))
        ET.SubElement(properties, "BlobType").text = "BlockBlob"
    for folder in page.folders:
        ET.SubElement(ET.SubElement(blobs, "BlobPrefix"), "Name").text = folder
    ET.SubElement(root, "NextMarker").text = page.following
    return root


@contextmanager
def az_host() -> Iterator[ObjectHost]:
    """A server with no container; skips where adlfs is not installed."""
    pytest.importorskip("adlfs")
    host = ObjectHost()
    with answering(host, _Handler):
        host.environment = azure_environment(host.url)
        yield host


def azure_environment(url: str) -> dict[str, str]:
    """What leads Azure's libraries to a server."""
    account = f"AccountName={_ACCOUNT};AccountKey={_KEY}"
    endpoint = f"DefaultEndpointsProtocol=http;{account};BlobEndpoint={url}/{_ACCOUNT}"
    return {"AZURE_STORAGE_CONNECTION_STRING": endpoint}
