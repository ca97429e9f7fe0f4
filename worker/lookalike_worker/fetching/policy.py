"""What may be fetched, and what one fetch may cost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lookalike.dialling import WEB_PORTS
from lookalike.errors import ImageTooLarge


@dataclass(frozen=True, slots=True)
class FetchPolicy:
    """What may be fetched, and how much time and how many bytes one fetch may take.

    `file_roots` are the folders that `file:` references may point into, "/"
    for all of them; none forbids such references. `allow_hosts` are entries
    `host` or `host:port` that may be asked although their addresses are
    private or their port is none of `ports`. `buckets` are those that objects may be
    in, `s3://bucket` or `s3://bucket/folder`; none forbids such references.
    """

    connect_timeout_s: float
    total_timeout_s: float
    max_bytes: int
    file_roots: tuple[Path, ...] = ()
    allow_hosts: tuple[str, ...] = ()
    buckets: tuple[str, ...] = ()
    ports: frozenset[int] = WEB_PORTS

    def check_size(self, n_bytes: int) -> None:
        """Raise ImageTooLarge for more than `max_bytes`."""
        if n_bytes > self.max_bytes:
            raise ImageTooLarge(
                f"found {n_bytes:,} bytes or more; expected at most {self.max_bytes:,}: "
                "make the image smaller, or raise LOOKALIKE_MAX_BYTES",
                value=n_bytes,
            )
