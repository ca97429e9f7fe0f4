"""How much two spaces agree: the neighbours of sampled images in both, by exact search."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

from sqlalchemy import Connection, text

from lookalike.features import Neighbour
from lookalike.reembedding.changes import Change
from lookalike.reembedding.spaces import Space

# One whose features are in both spaces, at or after a place drawn by chance.
_DRAW = """
    SELECT f.image_id FROM lookalike.features f
    WHERE f.space_id = :old_id AND f.collection_id = :collection_id AND f.image_id >= :place
        AND EXISTS (SELECT FROM lookalike.features g
                    WHERE g.space_id = :new_id AND g.image_id = f.image_id)
    ORDER BY f.image_id LIMIT 1
"""

_ENDS = """
    SELECT min(image_id) AS first, max(image_id) AS last FROM lookalike.features
    WHERE space_id = :old_id AND collection_id = :collection_id
"""

_NEAREST = """
    SELECT n.* FROM lookalike.features f CROSS JOIN LATERAL nearest_images(
        f.features, :collection, :k, :space, exact => true) n
    WHERE f.space_id = :space_id AND f.image_id = :image_id AND n.image_id <> :image_id
    ORDER BY n.distance, n.image_id LIMIT :k - 1
"""


@dataclass(frozen=True, slots=True)
class Compared:
    """An image with its nearest in the old space and in the new one."""

    image_id: int
    reference: str
    old: tuple[Neighbour, ...]
    new: tuple[Neighbour, ...]

    @property
    def shared(self) -> frozenset[int]:
        """The images that are among the nearest in both spaces."""
        return frozenset(n.image_id for n in self.old) & frozenset(n.image_id for n in self.new)

    @property
    def overlap(self) -> float:
        """The share of the nearest that both spaces name; 1 where the image is alone."""
        return len(self.shared) / len(self.old) if self.old else 1.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """Sampled images compared at the nearest `k` of each."""

    k: int
    compared: tuple[Compared, ...]

    @property
    def mean(self) -> float:
        return sum(one.overlap for one in self.compared) / len(self.compared)

    @property
    def distribution(self) -> dict[int, int]:
        """How many images share how many neighbours, of 0 to `k`."""
        counts = Counter(len(one.shared) for one in self.compared)
        return {n_shared: counts[n_shared] for n_shared in range(self.k + 1)}

    def extremes(self, n: int) -> tuple[list[Compared], list[Compared]]:
        """The `n` images that the spaces agree on least, and the `n` most, without one twice."""
        by_overlap = sorted(self.compared, key=lambda one: one.overlap)
        n_least = min(n, -(-len(by_overlap) // 2))
        n_most = min(n, len(by_overlap) - n_least)
        return by_overlap[:n_least], by_overlap[len(by_overlap) - n_most :][::-1]


def draw(connection: Connection, change: Change, n: int, *, seed: int = 0) -> list[int]:
    """Up to `n` different images that have features in both spaces; the same for a seed.

    By chance, with images after a gap in the numbers somewhat likelier: no list of all is read.
    """
    places = {
        "collection_id": change.collection_id,
        "old_id": change.old.id,
        "new_id": change.new.id,
    }
    ends = connection.execute(text(_ENDS), places).one()
    if ends.first is None:
        return []
    chance = random.Random(seed)  # noqa: S311
    drawn = {
        connection.scalar(
            text(_DRAW), {**places, "place": chance.randint(ends.first, ends.last)}
        ): None
        for _ in range(n)
    }
    return [image_id for image_id in drawn if image_id is not None]


def compare(
    connection: Connection, change: Change, image_id: int, *, k: int = 10
) -> Compared | None:
    """An image with its k nearest in either space, by exact search; None where it is gone."""
    reference = connection.scalar(
        text("SELECT reference FROM lookalike.images WHERE id = :id"), {"id": image_id}
    )
    if reference is None:
        return None
    old, new = (
        _nearest(connection, change.collection, image_id, space, k)
        for space in (change.old, change.new)
    )
    return Compared(image_id, reference, old, new)


def _nearest(
    connection: Connection, collection: str, image_id: int, space: Space, k: int
) -> tuple[Neighbour, ...]:
    values = {
        "collection": collection,
        "image_id": image_id,
        "space_id": space.id,
        "space": space.name,
        # One more: the image itself is the nearest.
        "k": k + 1,
    }
    rows = connection.execute(text(_NEAREST), values)
    return tuple(Neighbour(**row._asdict()) for row in rows)
