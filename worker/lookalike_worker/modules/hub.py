"""Modules behind the https handle of a model hub."""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from lookalike.environment import environment
from lookalike.errors import InvalidSetting
from lookalike_worker.modules.entries import slug

NASNET_LARGE = "https://tfhub.dev/google/imagenet/nasnet_large/feature_vector/4"

_FILES = (".tar.gz", ".tgz", ".h5")

NEXT_STEP = (
    "check the handle and the network, set LOOKALIKE_ENCODER to a folder or file that holds the "
    "module or to another handle, or take efficientnet_lite0"
)


def check_handle(handle: str) -> None:
    """Raise InvalidSetting where an http(s) handle has no host, or a password in it."""
    try:
        parts = urlsplit(handle)
        is_plain = bool(parts.hostname) and not parts.username and not parts.password
    except ValueError:
        is_plain = False
    if not is_plain:
        raise InvalidSetting(
            "the encoder's handle has no host that can be read, or a user name or password in it; "
            "expected https://host/path: give the address without them",
            value=handle,
        )


def address_of(handle: str) -> str:
    """Where the archive of a handle is: hubs are asked for it, files have it already."""
    scheme, host, path, query, _ = urlsplit(handle)
    if not path.endswith(_FILES):
        # The hosting protocol of TensorFlow Hub: without it, a page for people comes.
        query = urlencode([*parse_qsl(query), ("tf-hub-format", "compressed")])
    return urlunsplit((scheme, host, path, query, ""))


def name_of(handle: str) -> str:
    """The part of a handle that names the architecture: `…/nasnet_large/feature_vector/4`."""
    parts = [part for part in urlsplit(handle).path.split("/") if part]
    kinds = ("feature_vector", "classification")
    named = [part for part in parts if not part.isdigit() and part not in kinds]
    name = named[-1] if named else "module"
    for ending in _FILES:
        name = name.removesuffix(ending)
    return slug(name)


def unpacked_by_hand(handle: str, cache: Path) -> Path | None:
    """The folder of a handle in a cache of the hub's own library, TFHUB_CACHE_DIR first.

    The library names a module's folder by the handle's SHA-1, so that one can be put there.
    """
    name = hashlib.sha1(handle.encode(), usedforsecurity=False).hexdigest()
    own = environment().get("TFHUB_CACHE_DIR")
    folders = [Path(root) / name for root in (own, cache) if root]
    return next((folder for folder in folders if (folder / "saved_model.pb").is_file()), None)
