"""`python -m tests.soak --minutes 30`: whether memory stays flat under a steady load.

One JSON line at the end; status 1 where a process grows faster than noise
and the bound, or anything failed or died.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
import time
from pathlib import Path

from lookalike.local.ports import free_port
from lookalike.telemetry.logs import configure_logs
from tests.faults.crew import Part
from tests.faults.installation import Installation, installed
from tests.soak.load import Load
from tests.soak.memory import Growth, growth, resident_bytes

_PARTS = ("worker", "relay", "api")
_EVERY_S = 2.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--bound", type=float, default=10, help="MiB an hour that may be no leak")
    given = parser.parse_args()
    # Standard output is for the one line.
    configure_logs(level=logging.WARNING)
    logs = Path(tempfile.mkdtemp(prefix="lookalike-soak-logs-"))
    sys.stderr.write(f"The logs are in {logs}\n")
    with installed(logs, max_attempts=3) as it:
        parts = _start(it)
        assert it.until(lambda: bool(it.n_done_by_worker()), timeout_s=120), "no worker starts"
        with Load(it.settings, it.host) as load:
            found = _watch(it, parts, given.minutes * 60)
        deaths = it.crew.deaths
    leaks = [kind for kind, one in found.items() if one.is_leak(bound=given.bound)]
    sys.stdout.write(
        json.dumps(
            {
                **{f"{kind}_mib_per_h": round(one.mib_per_h, 2) for kind, one in found.items()},
                **{f"{kind}_noise": round(one.noise, 2) for kind, one in found.items()},
                **{f"n_{name}": n for name, n in sorted(load.counts.items())},
                "leaks": len(leaks),
                "deaths": len(deaths),
                "minutes": given.minutes,
            }
        )
        + "\n"
    )
    return 1 if leaks or deaths or load.counts["errors"] else 0


def _start(it: Installation) -> dict[str, Part]:
    it.settings = it.settings.model_copy(update={"api_port": free_port(), "lease_s": 30.0})
    return {
        kind: it.crew.add(kind, ["-m", "lookalike.cli", kind], it.settings.environment(), it.logs)
        for kind in _PARTS
    }


def _watch(it: Installation, parts: dict[str, Part], seconds: float) -> dict[str, Growth]:
    """Sample every part's memory, and tell each minute how it stands."""
    started = time.monotonic()
    moments: list[float] = []
    sizes: dict[str, list[float]] = {kind: [] for kind in parts}
    while (now := time.monotonic() - started) < seconds:
        moments.append(now)
        for kind, part in parts.items():
            sizes[kind].append(resident_bytes(part.child.pid or 0))
        if len(moments) % 30 == 1:
            shown = ", ".join(f"{kind} {last[-1] / 2**20:.1f}" for kind, last in sizes.items())
            sys.stderr.write(f"{now / 60:5.1f} min  MiB: {shown}\n")
        it.wait(_EVERY_S)
    return {kind: growth(moments, series) for kind, series in sizes.items()}


if __name__ == "__main__":
    sys.exit(main())
