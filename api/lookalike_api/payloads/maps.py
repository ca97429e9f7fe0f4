"""The points of a map, in columns: as objects, ten thousand would be three times as long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import BaseModel, Field

from lookalike.maps import MapPoint

# A point of a thousand on a screen that shows a hundredth of the map.
_DIGITS = 5

Coordinate = Annotated[float, Field(ge=0, le=1)]


class MapPoints(BaseModel):
    """Where images lie on their collection's map: the n-th of each list belong together.

    By image id, 10,000 at most; both coordinates are from 0 to 1.
    """

    image_ids: list[int]
    xs: list[Coordinate]
    ys: list[Coordinate]

    @classmethod
    def of(cls, points: Sequence[MapPoint]) -> Self:
        return cls(
            image_ids=[point.image_id for point in points],
            xs=[round(point.x, _DIGITS) for point in points],
            ys=[round(point.y, _DIGITS) for point in points],
        )
