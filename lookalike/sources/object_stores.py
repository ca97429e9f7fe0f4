"""The stores of objects, by way of fsspec: the only file that knows it.

Credentials, endpoints and regions are each library's own to find, in the environment of the
process: nothing of a reference has a say in them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from typing import Any, TypeVar

from lookalike.environment import set_variable
from lookalike.errors import (
    FetchFailed,
    ImageNotFound,
    LookalikeError,
    Misconfigured,
    ReferenceForbidden,
)
from lookalike.stored_objects import ObjectPlace

_LIBRARIES = {"s3": "s3fs", "gs": "gcsfs", "az": "adlfs"}

# Of S3 and Azure, beside a status that says "forbidden": whoever asks is not known, or no longer.
# The object may be read all the same, by a worker whose credentials and clock are right.
_BAD_CREDENTIALS = frozenset(
    {
        "AuthenticationFailed",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidToken",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
    }
)

_CLOSE_S = 10.0

T = TypeVar("T")


def require_store(store: str) -> None:
    """Raise Misconfigured where the library that a store needs is not installed."""
    if store == "gs":
        # gcsfs would ask for each bucket's kind first, by gRPC, which its emulators do not speak.
        set_variable("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false", replace=False)
    try:
        from fsspec import get_filesystem_class

        get_filesystem_class(store)
    except ImportError as error:
        raise Misconfigured(
            f"{store}:// needs {_LIBRARIES[store]}, which is not installed: "
            f"pip install 'lookalike[{store}]'",
            value=_LIBRARIES[store],
        ) from error


class ObjectStore:
    """One kind of store, all its buckets; many threads may share it.

    Not to be carried over a fork: its event loop runs in a thread.
    """

    def __init__(self, store: str, *, connect_timeout_s: float = 5) -> None:
        require_store(store)
        import fsspec

        options = {}
        if store == "s3":
            # Retries of botocore's come on top of s3fs's own, and after both the queue's.
            config = {"connect_timeout": connect_timeout_s, "retries": {"max_attempts": 0}}
            options = {"config_kwargs": config}
        try:
            self._files: Any = fsspec.filesystem(
                store, use_listings_cache=False, skip_instance_cache=True, **options
            )
        except Exception as error:
            raise FetchFailed(
                f"{store}:// cannot be opened ({_told(error)}): are its credentials set, in the "
                "environment of this process?",
                value=store,
            ) from error

    def read(self, place: ObjectPlace, *, n_bytes: int, timeout_s: float) -> bytes:
        """The first bytes of an object, at most so many, in one request.

        Raises ImageNotFound, ReferenceForbidden and FetchFailed.
        """
        call = self._files._cat_file(place.path, start=0, end=n_bytes)  # noqa: SLF001 - fsspec's
        # own name for what may be awaited, and so be ended: its other calls have no deadline.
        try:
            data = bytes(self._within(timeout_s, call))
        except Exception as error:
            if _status(error) == 416:  # of an empty object no byte is the first
                return b""
            raise translated(error, str(place)) from error
        return data

    def walk(self, path: str, *, depth: int | None) -> Iterator[tuple[str, list[str]]]:
        """Each folder below `bucket/folder` with the names of its files, one listing at a time.

        Raises as `read` does.
        """
        try:
            for folder, _, files in self._files.walk(path, maxdepth=depth, on_error="raise"):
                # A folder that was made by hand is an object without a name.
                yield folder, sorted(name for name in files if name)
        except LookalikeError:
            raise  # the consumer's own, thrown in where it was left
        except Exception as error:
            raise translated(error, path) from error

    def close(self) -> None:
        """Close the connections to S3, which s3fs leaves to whenever it is forgotten.

        The other two close theirs by themselves.
        """
        client = getattr(self._files, "_s3creator", None)
        if client is not None:
            with suppress(TimeoutError):
                self._within(_CLOSE_S, client.__aexit__(None, None, None))

    def _within(self, timeout_s: float, call: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(call, self._files.loop)
        try:
            return future.result(timeout_s)
        except TimeoutError:
            future.cancel()
            raise TimeoutError(f"no answer within {timeout_s:g} s") from None


def translated(error: Exception, what: str) -> LookalikeError:
    """The error of the tree that a library's own means."""
    status = _status(error)
    if isinstance(error, FileNotFoundError) or status == 404:
        return ImageNotFound(
            f"found nothing at {what}; expected an object: check the bucket and the key", value=what
        )
    is_refused = isinstance(error, PermissionError) or status == 403
    is_refused = is_refused or _told(error).startswith("Forbidden")  # gcsfs has no type for it
    if is_refused and status != 401 and _code(error) not in _BAD_CREDENTIALS:
        return ReferenceForbidden(
            f"found that {what} may not be read with the credentials of this process "
            f"({_told(error)}); expected a role that may: grant it, or give a signed https:// URL",
            value=what,
        )
    return FetchFailed(
        f"{what} was not delivered ({_told(error)}): is the store up, and are its credentials and "
        "its region set in the environment of this process?",
        value=what,
    )


def _status(error: BaseException) -> int | None:
    """The HTTP status behind an error, in whichever way its library tells it."""
    for one in (error, error.__cause__):
        for status in (
            _botocores(one, "ResponseMetadata").get("HTTPStatusCode"),
            getattr(one, "status_code", None),  # Azure
            getattr(one, "code", None),  # Google
        ):
            if str(status).isdecimal():
                return int(str(status))
    return None


def _code(error: BaseException) -> str:
    """The store's own name for an error, where it gives one."""
    for one in (error, error.__cause__):
        if code := _botocores(one, "Error").get("Code") or getattr(one, "error_code", None):
            return str(code)
    return ""


def _botocores(error: BaseException | None, part: str) -> dict[str, object]:
    """A part of the answer that botocore, behind s3fs's own errors, keeps with its error."""
    answer = getattr(error, "response", None)
    return answer.get(part, {}) if isinstance(answer, dict) else {}


def _told(error: BaseException) -> str:
    return (str(error).strip().partition("\n")[0] or type(error).__name__)[:200]
