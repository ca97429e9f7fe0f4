"""Images: where to get them (references) and what they are (keys)."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from lookalike.errors import ReferenceInvalid
from lookalike.stored_objects import STORES, ObjectPlace

# A btree entry holds at most 2,704 bytes; references are unique within a collection.
MAX_REFERENCE_BYTES = 2048

# What nearly every URL looks like: judged ten times as fast as by taking it apart.
_URL = r"https?://[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*(?:/[!-~]*)?"
_PLAIN_URL = re.compile(_URL)
_PLAIN_URLS = re.compile(f"(?:{_URL}\n)+")

IMAGE_SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .png .webp .gif .tif .tiff .bmp .heic .heif .avif".split()
)


class Source(StrEnum):
    """The kinds of place that an image comes from."""

    FILE = "file"
    HTTP = "http"
    OBJECT = "object"
    UPLOAD = "upload"


@dataclass(frozen=True, slots=True)
class ImageKey:
    """The SHA-256 of an image's bytes: 32 bytes; equal keys, equal images."""

    digest: bytes

    @classmethod
    def of(cls, data: bytes) -> ImageKey:
        return cls(hashlib.sha256(data).digest())

    @classmethod
    def of_file(cls, path: Path) -> ImageKey:
        """The key of a file of any size; raises OSError."""
        with path.open("rb") as file:
            return cls(hashlib.file_digest(file, "sha256").digest())

    def __str__(self) -> str:
        return self.digest.hex()


@dataclass(frozen=True, slots=True)
class ImageRef:
    """Where to get an image: `file:///…`, `http(s)://…`, `s3://…` or `upload:<image key>`.

    `gs://…` and `az://…` are objects as well.
    """

    text: str

    @classmethod
    def parse(cls, text: str) -> ImageRef:
        """Read a reference or a path; a path becomes an absolute `file:` reference.

        Raises ReferenceInvalid for an empty text, an unknown scheme, a URL
        without a host, or more than MAX_REFERENCE_BYTES of UTF-8.
        """
        if len(text) <= MAX_REFERENCE_BYTES and _PLAIN_URL.fullmatch(text):
            return cls(text)
        if not text.strip() or "\0" in text:
            raise ReferenceInvalid(
                f"found the image reference {text!r}; expected a path, an http(s) URL, an object "
                "of a bucket or an upload: give one of these",
                value=text,
            )
        scheme = text.split(":", 1)[0].lower() if ":" in text else ""
        if scheme in ("http", "https"):
            return cls._checked(_url(text))
        if scheme in ("file", "upload"):
            return cls._checked(text)
        if scheme in STORES:
            return cls._checked(str(ObjectPlace.parse(text)))
        if "://" in text:
            raise ReferenceInvalid(
                f"found the scheme {scheme!r} in {text!r}; expected file, http, https, s3, gs, az "
                "or upload: download the image first, or give its http(s) address",
                value=text,
            )
        return cls.of_path(Path(text))

    @classmethod
    def of_path(cls, path: Path) -> ImageRef:
        """The reference of a path; raises ReferenceInvalid, also for a home that nobody has."""
        try:
            return cls._checked(path.expanduser().absolute().as_uri())
        except RuntimeError as error:
            raise ReferenceInvalid(
                f"{path} names a home that does not exist: give the whole path", value=str(path)
            ) from error

    @classmethod
    def of_upload(cls, key: ImageKey) -> ImageRef:
        return cls(f"upload:{key}")

    @classmethod
    def _checked(cls, text: str) -> ImageRef:
        try:
            n_bytes = len(text.encode())
        except UnicodeEncodeError as error:
            raise ReferenceInvalid(
                f"the image reference {text!r} is not valid Unicode: rename the file", value=text
            ) from error
        if n_bytes > MAX_REFERENCE_BYTES:
            raise ReferenceInvalid(
                f"found an image reference of {n_bytes} bytes; expected at most "
                f"{MAX_REFERENCE_BYTES}: shorten it, or upload the image's bytes",
                value=text,
            )
        return cls(text)

    @property
    def source(self) -> Source:
        scheme = self.text.split(":", 1)[0].lower()
        if scheme in STORES:
            return Source.OBJECT
        return Source.HTTP if scheme in ("http", "https") else Source(scheme)

    @property
    def path(self) -> Path:
        """The path of a `file:` reference; raises ReferenceInvalid where it is another host's."""
        try:
            parts = urlsplit(self.text)
        except ValueError as error:
            raise ReferenceInvalid(
                f"{self.text!r} is no valid file: reference: {error}", value=self.text
            ) from error
        if not self.text.lower().startswith("file:"):
            raise ReferenceInvalid(
                f"found {self.text!r}; expected a file of this machine: give its path, or the "
                "image's bytes",
                value=self.text,
            )
        if parts.netloc.lower() not in ("", "localhost"):
            raise ReferenceInvalid(
                f"found the host {parts.netloc!r} in {self.text!r}; expected file:///path of the "
                "machine itself: mount the folder there, or upload the bytes",
                value=self.text,
            )
        # By bytes: a name on disk need not be UTF-8.
        return Path(os.fsdecode(unquote_to_bytes(parts.path)))

    @property
    def upload_key(self) -> ImageKey:
        """The image key of an `upload:` reference; raises ReferenceInvalid if it is none."""
        try:
            digest = bytes.fromhex(self.text.removeprefix("upload:"))
        except ValueError:
            digest = b""
        if len(digest) != 32:
            raise ReferenceInvalid(
                f"found {self.text!r}; expected upload: and 64 hexadecimal digits", value=self.text
            )
        return ImageKey(digest)

    def __str__(self) -> str:
        return self.text


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ReferenceInvalid(f"{text!r} is no valid URL: {error}", value=text) from error
    if not host:
        raise ReferenceInvalid(
            f"found the URL {text!r} without a host; expected http(s)://host/path", value=text
        )
    return text


def is_named_like_a_picture(name: str) -> bool:
    """Whether a file's name ends as those of pictures do."""
    return Path(name).suffix.lower() in IMAGE_SUFFIXES


def find_images(folder: Path) -> list[Path]:
    """Every file below a folder whose name ends like a picture's, in the order of the paths.

    Hidden files and folders are passed over.
    """
    return sorted(
        path
        for path in folder.rglob("*")
        if is_named_like_a_picture(path.name)
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def are_plain_urls(texts: Sequence[str]) -> bool:
    """Whether each text is an image reference already, and looks as nearly every URL does."""
    lines = "\n".join(texts) + "\n"
    return (
        lines.count("\n") == len(texts)
        and max(map(len, texts)) <= MAX_REFERENCE_BYTES
        and _PLAIN_URLS.fullmatch(lines) is not None
    )
