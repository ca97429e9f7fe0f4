"""Whether a worker gets on when it should: a pure decision, without clock and network.

It should while it holds jobs, or while a published chunk waits that any free
worker would have taken. What it must not be blamed for breaks the run:

- Postgres was not reached, or not by the heartbeat: nobody gets on;
- a dead relay, a paused collection: nothing is published, or its lease has run out;
- other workers take everything: no chunk then waits for longer than a moment;
- the process itself was halted: looks that come late prove nothing.

A message that was lost with Redis or a killed worker looks like a chunk that
this worker does not take, until its lease runs out and the relay sends it
again. So no run counts that is hardly longer than a lease.
"""

from __future__ import annotations

from dataclasses import dataclass

# A free worker takes what is published within milliseconds.
_MOST_PATIENCE_S = 5.0
# Between a lease's end and the next one's beginning lies a relay's round.
_LEAST_LAPSE_S = 2.0


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at a worker: its jobs since the start, those it holds, and its heartbeats.

    `waiting_s` is for how long the oldest published chunk of its feature space has waited.
    """

    n_claimed: int
    n_finished: int
    n_held: int
    waiting_s: float | None
    n_beats: int


class Watchdog:
    """Is shown what was seen, at moments of one clock in seconds, and judges."""

    def __init__(self, stuck_s: float, *, lease_s: float, now: float) -> None:
        self._patience_s = min(_MOST_PATIENCE_S, lease_s / 4)
        # Evidence that is older than this is none.
        self._lapse_s = max(_LEAST_LAPSE_S, lease_s / 2)
        self._bound_s = max(stuck_s, lease_s + 2 * self._lapse_s)
        self._seen: Seen | None = None
        self._looked = self._evident = self._beaten = now
        self._since: float | None = None

    @property
    def look_every_s(self) -> float:
        """How often it wants to be shown something, at least."""
        return self._patience_s / 2

    def look(self, seen: Seen | None, now: float) -> None:
        """Take in what was seen; None where Postgres could not be reached to see it."""
        before, self._seen = self._seen, seen
        is_late = now - self._looked > self._lapse_s
        self._looked = now
        if seen is None or before is None or is_late:
            self._since, self._beaten = None, now
            return
        if seen.n_beats != before.n_beats:
            self._beaten = now
        if (seen.n_claimed, seen.n_finished) != (before.n_claimed, before.n_finished):
            self._since = None
        if seen.n_held or (seen.waiting_s or 0.0) > self._patience_s:
            self._evident = now
            self._since = now if self._since is None else self._since
        elif now - self._evident > self._lapse_s:
            self._since = None

    def fault(self, now: float) -> str | None:
        """Why the worker is not ready, if so: for half the bound it has not got on."""
        if now - self._looked > self._lapse_s or self._seen is None:
            return "Postgres, which has not answered lately"
        return self._fault(now, self._bound_s / 2)

    def verdict(self, now: float) -> str | None:
        """Why the worker has to exit, if so."""
        return self._fault(now, self._bound_s)

    def _fault(self, now: float, bound_s: float) -> str | None:
        seen = self._seen
        if seen is None:
            return None
        if self._since is not None and now - self._since > bound_s:
            what = (
                f"{seen.n_held} jobs held"
                if seen.n_held
                else f"a chunk published {seen.waiting_s or 0:.1f} s ago"
            )
            return (
                f"progress: nothing claimed or finished for {now - self._since:.1f} s with {what}"
            )
        if now - self._beaten > bound_s:
            return f"heartbeat: none has ended for {now - self._beaten:.1f} s"
        return None
