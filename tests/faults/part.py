"""`python -m tests.faults.part worker|relay CLOCK`: a part as it is, but for clock and encoder.

Its wall clock follows the file CLOCK, and a worker's encoder can be poisoned.
"""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

from tests.faults.clock import follow_steps

IMAGE_S = 0.003
"""What the encoder takes for one image."""


def main(name: str, clock: str) -> int:
    """Run the part until SIGTERM; the exit status."""
    follow_steps(Path(clock))
    return _run_worker() if name == "worker" else _run_relay()


def _run_worker() -> int:
    from lookalike.errors import LookalikeError
    from lookalike.settings import Settings
    from lookalike.telemetry.logs import configure_logs
    from lookalike_worker.app import run_worker
    from tests.faults.poison import PoisonableEncoder

    configure_logs()
    try:
        run_worker(
            Settings.load(),
            load=lambda s: PoisonableEncoder(batch_size=s.batch_size, image_s=IMAGE_S),
        )
    except LookalikeError as error:
        sys.stderr.write(f"{error.reason}: {error}\n")
        return 1
    return 0


def _run_relay() -> int:
    from lookalike.relay import run_relay
    from lookalike.settings import Settings
    from lookalike.telemetry.logs import configure_logs

    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    configure_logs()
    run_relay(Settings.load(), stop)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
