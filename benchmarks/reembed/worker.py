"""The product's worker with one of the two encoders: `python -m benchmarks.reembed.worker NAME`."""

from __future__ import annotations

import argparse

from benchmarks.reembed.pixels import DIMENSIONS, Projecting, without_pictures
from lookalike.settings import Settings
from lookalike.telemetry.logs import configure_logs
from lookalike_worker.app import run_worker
from lookalike_worker.encoder import Encoder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=list(DIMENSIONS))
    encoder: Encoder = Projecting(parser.parse_args().name)
    configure_logs()
    run_worker(Settings.load(), load=lambda _: encoder, adapt=without_pictures)


if __name__ == "__main__":
    main()
