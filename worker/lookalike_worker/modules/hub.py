"""Modules behind the address of a model hub: cached, reachable, downloaded once."""

from __future__ import annotations

import hashlib
import socket
import urllib.request
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlencode, urlsplit, urlunsplit

from lookalike.errors import WeightsMissing
from lookalike.settings import environment

NASNET_LARGE = "https://tfhub.dev/google/imagenet/nasnet_large/feature_vector/4"

# A hub answers within a second; who waits for `auto` should not wait longer than this.
_PROBE_TIMEOUT_S = 5.0
_READ_TIMEOUT_S = 60.0


def fetch_module(handle: str, cache: Path) -> Path:
    """Give the folder of a hub handle's module, downloading it where no cache has it.

    TFHUB_CACHE_DIR counts before `cache`. Raises WeightsMissing, within
    seconds where the host cannot be reached.
    """
    return _cached(handle, cache) or _download(handle, cache)


def _cached(handle: str, cache: Path) -> Path | None:
    # The hub library names a module's folder like this, so that a folder can be put there by hand.
    name = hashlib.sha1(handle.encode(), usedforsecurity=False).hexdigest()
    own = environment().get("TFHUB_CACHE_DIR")
    folders = [Path(root) / name for root in (own, cache) if root]
    return next((folder for folder in folders if (folder / "saved_model.pb").is_file()), None)


def _download(handle: str, cache: Path) -> Path:
    _probe(handle)
    # Importing TensorFlow takes seconds, and an unreachable hub needs none of it.
    from absl import flags

    from lookalike_worker.quiet_tensorflow import hub, tf

    flags.FLAGS["tfhub_cache_dir"].value = str(cache)
    before = socket.getdefaulttimeout()
    # The library reads without a timeout: a stalled download would hold the worker for ever.
    socket.setdefaulttimeout(_READ_TIMEOUT_S)
    try:
        return Path(hub.resolve(handle))
    except (OSError, HTTPException, ValueError, tf.errors.OpError) as error:
        raise _missing(handle, error) from error
    finally:
        socket.setdefaulttimeout(before)


def _probe(handle: str) -> None:
    """Ask for the first bytes of the module, to fail within seconds rather than minutes."""
    scheme, host, path, _, _ = urlsplit(handle)
    query = urlencode({"tf-hub-format": "compressed"})
    address = urlunsplit((scheme, host, path, query, ""))
    try:
        with urllib.request.urlopen(address, timeout=_PROBE_TIMEOUT_S):  # noqa: S310  http(s) only
            pass
    except (OSError, HTTPException, ValueError) as error:
        raise _missing(handle, error) from error


def plain_cause(error: BaseException) -> str:
    """What went wrong, without the wrapping that urllib puts around it."""
    reason = getattr(error, "reason", None)
    return str(reason if isinstance(reason, Exception) else error)


def _missing(handle: str, error: Exception) -> WeightsMissing:
    return WeightsMissing(
        f"the encoder's module at {handle} cannot be downloaded ({plain_cause(error)}); expected "
        "an image feature vector module (TF2 SavedModel) there: set LOOKALIKE_ENCODER to a folder "
        "that holds it or to another handle, or take efficientnet_lite0",
        value=handle,
    )
