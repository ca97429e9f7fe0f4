"""The stores of objects, by way of fsspec: the only file that knows it.

Credentials, endpoints and regions are each library's own to find, in the environment of the
process: nothing of a reference has a say in them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from typing import Any, TypeVar

from lookalike.environment import set_variable
from lookalike.errors import FetchFailed, LookalikeError, Misconfigured
from lookalike.sources.first_bytes import FIRST_BYTES, no_more_than_asked
from lookalike.sources.shared_call import SharedCall
from lookalike.sources.store_errors import has_no_credentials, status_of, told, translated
from lookalike.stored_objects import ObjectPlace

_LIBRARIES = {"s3": "s3fs", "gs": "gcsfs", "az": "adlfs"}

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

    Nobody is asked for anything before the first object or folder is. Not to be carried over a
    fork after that: its event loop runs in a thread.
    """

    def __init__(self, store: str, *, connect_timeout_s: float = 5) -> None:
        require_store(store)
        self._store = store
        self._connect_timeout_s = connect_timeout_s
        self._files: Any = None
        self._opening = SharedCall(self._open)

    def read(self, place: ObjectPlace, *, n_bytes: int, timeout_s: float) -> bytes:
        """The first bytes of an object, at most so many, in one request.

        Raises ImageNotFound, ReferenceForbidden and FetchFailed.
        """
        until = time.monotonic() + timeout_s
        try:
            files = self._opened(timeout_s)
            call = FIRST_BYTES[self._store](files, place, n_bytes)
            return self._within(until - time.monotonic(), files, call)
        except LookalikeError:
            raise
        except TimeoutError as error:
            late = TimeoutError(f"no answer within {timeout_s:g} s")
            raise translated(late, str(place)) from error
        except Exception as error:
            if status_of(error) == 416:  # of an empty object no byte is the first
                return b""
            if has_no_credentials(error, self._store):
                # The libraries take that for the last word; a metadata service may have been down.
                self._files = None
            raise translated(error, str(place)) from error

    def walk(self, path: str, *, depth: int | None) -> Iterator[tuple[str, list[str]]]:
        """Each folder below `bucket/folder` with the names of its files, one listing at a time.

        Raises as `read` does; without a deadline.
        """
        try:
            for folder, _, files in self._open().walk(path, maxdepth=depth, on_error="raise"):
                # A folder that was made by hand is an object without a name.
                yield folder, sorted(name for name in files if name)
        except LookalikeError:
            raise  # the consumer's own, thrown in where it was left, or that of the opening
        except Exception as error:
            raise translated(error, path) from error

    def close(self) -> None:
        """Close the connections to S3, which s3fs leaves to whenever it is forgotten.

        The other two close theirs by themselves.
        """
        files, self._files = self._files, None
        client = getattr(files, "_s3creator", None)
        if client is not None:
            with suppress(TimeoutError):
                self._within(_CLOSE_S, files, client.__aexit__(None, None, None))

    def _opened(self, timeout_s: float) -> Any:
        if self._files is not None and self._store != "gs":
            return self._files
        try:
            return self._opening.result(timeout_s)
        except TimeoutError as error:
            raise FetchFailed(
                f"{self._store}:// gave no credentials within {timeout_s:g} s: does the metadata "
                "service of this machine answer? Set credentials in the environment of this "
                "process, or turn the service off there",
                value=self._store,
            ) from error

    def _open(self) -> Any:
        """The library's own file system, its credentials fresh: it may wait for a server."""
        files = self._files or _file_system(self._store, self._connect_timeout_s)
        self._files = files
        if self._store == "gs":
            # Here, since gcsfs would do so in the event loop, and hold up the other stores there.
            files.credentials.maybe_refresh()
        return files

    def _within(self, timeout_s: float, files: Any, call: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(call, files.loop)
        try:
            return future.result(timeout_s)
        except TimeoutError:
            future.cancel()
            raise


def _file_system(store: str, connect_timeout_s: float) -> Any:
    import fsspec

    options: dict[str, Any] = {}
    if store == "s3":
        # Retries of botocore's come on top of s3fs's own, and after both the queue's.
        config = {"connect_timeout": connect_timeout_s, "retries": {"max_attempts": 0}}
        options = {"config_kwargs": config}
    if store == "gs":
        options = {"session_kwargs": {"response_class": no_more_than_asked()}}
    try:
        return fsspec.filesystem(
            store, use_listings_cache=False, skip_instance_cache=True, **options
        )
    except Exception as error:
        raise FetchFailed(
            f"{store}:// cannot be opened ({told(error)}): are its credentials set, in the "
            "environment of this process?",
            value=store,
        ) from error
