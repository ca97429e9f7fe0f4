"""Damaged pictures through the worker's decoders: `python -m tests.fuzz --inputs 100000`.

The last line is one JSON object. Status 0 only if each ended decoded or with
its typed error, and no decoder had more memory than it may have.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from lookalike.telemetry.logs import configure_logs
from lookalike_worker.runtimes.machine import usable_cores
from tests.fuzz.campaign import run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=usable_cores())
    parser.add_argument("--keep", type=Path, help="folder for what ends a decoder")
    given = parser.parse_args()
    configure_logs()
    if given.keep:
        given.keep.mkdir(parents=True, exist_ok=True)
    tally = run(given.seed, given.inputs, n_processes=given.processes, keep=given.keep)
    sys.stdout.write(json.dumps(asdict(tally)) + "\n")
    return 0 if tally.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
