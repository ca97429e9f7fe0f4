"""Objects of a store: which bucket, and which key in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from lookalike.errors import ReferenceInvalid

STORES = ("s3", "gs", "az")
"""The schemes of the stores: S3 and what speaks like it, Google's, and Azure's."""

_IN_STORE = re.compile(rf"(?P<store>{'|'.join(STORES)})://", re.IGNORECASE)
# What the three allow, and no more: a libraries' own spellings (`container@account…`,
# `arn:aws:s3:…`) would lead elsewhere than where the allow-list looks.
_BUCKET = re.compile(r"[a-z0-9$][a-z0-9._-]{1,220}[a-z0-9]")
# Control characters; and what the libraries cut off, reading the object that is left.
_ODD = re.compile(r"[\x00-\x1f\x7f]|\?versionid=", re.IGNORECASE)
# adlfs takes a key for a URL's path and cuts it there; Azure takes a backslash for a slash.
_ODD_IN_AZURE = re.compile(r"[?#\\]")


def is_in_store(text: str) -> bool:
    """Whether a text begins as the reference of an object does."""
    return _IN_STORE.match(text) is not None


@dataclass(frozen=True, slots=True)
class ObjectPlace:
    """Where an object is; Azure calls its buckets containers, and its objects blobs."""

    store: str
    bucket: str
    key: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `s3://bucket/key`, the key as it is and not percent-encoded.

        Raises ReferenceInvalid for a bucket that can have no such name, and for a
        key that is empty, ends in a slash, or has `.` or `..` for a part, in Azure also
        with `?`, `#` or a backslash: on the way to the store one of these could become
        another key.
        """
        found = _IN_STORE.match(text)
        bucket, _, key = text[found.end() :].partition("/") if found else ("", "", "")
        parts = key.split("/")
        if not found or not _BUCKET.fullmatch(bucket):
            raise ReferenceInvalid(
                f"found the object reference {text!r}; expected s3://bucket/key, gs://bucket/key "
                "or az://container/key with a bucket's plain name",
                value=text,
            )
        store = found["store"].lower()
        is_odd = _ODD.search(key) or (store == "az" and _ODD_IN_AZURE.search(key))
        if not parts[0] or not parts[-1] or {".", ".."} & set(parts) or is_odd:
            raise ReferenceInvalid(
                f"found the object reference {text!r}; expected a key after the bucket, without "
                "control characters, versions and the parts . and .., in Azure without ?, # and "
                "backslashes: name one object",
                value=text,
            )
        return cls(store, bucket, key)

    @property
    def path(self) -> str:
        """As the stores' libraries write it."""
        return f"{self.bucket}/{self.key}"

    def __str__(self) -> str:
        return f"{self.store}://{self.path}"
