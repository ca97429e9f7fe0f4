"""Images with their nearest in two feature spaces, as one picture."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from lookalike.demo.contact_sheet import SheetNeighbour, SheetRow, write_contact_sheet
from lookalike.features import Neighbour
from lookalike.images import ImageRef, Source
from lookalike.reembedding import Change, Compared
from lookalike.sources.file_roots import resolved_roots, root_of

_N_DRAWN = 5


def write_comparison(
    path: Path,
    change: Change,
    examples: Sequence[Compared],
    *,
    file_roots: Iterable[Path],
    upload: Callable[[str], bytes | None],
) -> int:
    """Draw each example twice, by the old space and by the new, as a PNG; how many tiles are empty.

    Pictures are read where this process may: uploads, by `upload`, and files
    below the roots.
    """
    with tempfile.TemporaryDirectory(prefix="lookalike-") as folder:
        pictures = _Pictures(Path(folder), resolved_roots(file_roots), upload)
        rows = [row for one in examples for row in _rows(one, change, pictures)]
        write_contact_sheet(
            path,
            rows,
            title=f"{change.collection}: {change.old.name} and {change.new.name}",
            subtitle="Above by the old space, below by the new one. "
            "Green: among the nearest in both; orange: in this one alone.",
            n_framed=_N_DRAWN,
        )
        return pictures.n_empty


class _Pictures:
    """Paths of pictures, uploads written into a folder; counts those that are not to be had."""

    def __init__(
        self, folder: Path, roots: tuple[Path, ...], upload: Callable[[str], bytes | None]
    ) -> None:
        self._folder = folder
        self._roots = roots
        self._upload = upload
        self.n_empty = 0

    def path(self, image_id: int, reference: str) -> Path:
        """Where a picture can be read; a path where nothing is, if it cannot."""
        ref = ImageRef(reference)
        if ref.source is Source.FILE:
            resolved = ref.path.resolve()
            if resolved.is_file() and root_of(resolved, self._roots) is not None:
                return resolved
        kept = self._folder / f"image {image_id}"
        data = self._upload(reference) if ref.source is Source.UPLOAD else None
        if data is None:
            self.n_empty += 1
        else:
            kept.write_bytes(data)
        return kept


def _rows(one: Compared, change: Change, pictures: _Pictures) -> list[SheetRow]:
    query = pictures.path(one.image_id, one.reference)
    return [
        SheetRow(query, name, tuple(_tile(n, one, pictures) for n in nearest[:_N_DRAWN]))
        for name, nearest in ((change.old.name, one.old), (change.new.name, one.new))
    ]


def _tile(neighbour: Neighbour, one: Compared, pictures: _Pictures) -> SheetNeighbour:
    path = pictures.path(neighbour.image_id, neighbour.reference)
    return SheetNeighbour(path, neighbour.distance, neighbour.image_id in one.shared)
