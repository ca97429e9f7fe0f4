"""Which prepared batch sizes carry n images in the least time. Pure."""

from __future__ import annotations

from collections.abc import Mapping


def plan_runs(n: int, seconds: Mapping[int, float]) -> list[int]:
    """The sizes of the runs that take n images, the largest first; the last may be padded.

    `seconds` maps each prepared size to what one run of it takes. Three
    images may be cheaper as three runs of one than as one padded run of eight.
    """
    cheapest: list[tuple[float, int]] = [(0.0, 0)]
    for left in range(1, n + 1):
        cheapest.append(
            min((cost + cheapest[max(0, left - size)][0], size) for size, cost in seconds.items())
        )
    sizes: list[int] = []
    while n > 0:
        sizes.append(cheapest[n][1])
        n -= sizes[-1]
    return sorted(sizes, reverse=True)
