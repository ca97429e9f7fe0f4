"""Others that find nearest rows. One that is not installed is reported as absent."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from benchmarks.search.approach import Approach

HNSWLIB = "hnswlib, in process"

_PACKAGE = "benchmarks.search.peers"

# Module, class, and the package that it needs.
_IN_PACKAGES = (
    ("hnswlib_graph", "Hnswlib", "hnswlib"),
    ("faiss_indexes", "FaissHnsw", "faiss-cpu"),
    ("faiss_indexes", "FaissFlat", "faiss-cpu"),
    ("lancedb_table", "LanceDb", "lancedb"),
    ("qdrant_local", "QdrantLocal", "qdrant-client"),
)
# Past so many, Qdrant's own client warns against the local mode, which scans them by NumPy; and
# LanceDB builds for longer than all others together.
_MOST_ROWS = {"QdrantLocal": 20_000, "LanceDb": 20_000}


def installed_peers(n_rows: int) -> list[Callable[[], Approach]]:
    """Those whose packages are there and that take so many rows; prints which do not."""
    found: list[Callable[[], Approach]] = []
    for module, name, package in _IN_PACKAGES:
        most = _MOST_ROWS.get(name, n_rows)
        if n_rows > most:
            print(f"{name} is left out: here it gets {most:,} rows at most")
            continue
        try:
            found.append(getattr(import_module(f"{_PACKAGE}.{module}"), name))
        except ImportError as error:
            print(f"{name} is absent ({error}): pip install {package}")
    return found
