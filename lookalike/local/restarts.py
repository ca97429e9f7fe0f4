"""When to start a process again that died by itself."""

from __future__ import annotations

from dataclasses import dataclass

_FIRST_PAUSE_S = 0.5
_MAX_PAUSE_S = 30.0
_MAX_EARLY_DEATHS = 6
# Loading an encoder takes most of a minute on a slow disk: to die before that is an early death.
_EARLY_S = 60.0


@dataclass(slots=True)
class Restarts:
    """Restarts of one process: the pause doubles with each early death, until it gives up.

    A process that lived for a minute has the whole patience again.
    """

    n_early_deaths: int = 0

    def pause_s(self, lived_s: float) -> float | None:
        """Seconds until the next start after a death; None where there should be none."""
        self.n_early_deaths = 1 if lived_s >= _EARLY_S else self.n_early_deaths + 1
        if self.n_early_deaths >= _MAX_EARLY_DEATHS:
            return None
        return min(_MAX_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** (self.n_early_deaths - 1))
