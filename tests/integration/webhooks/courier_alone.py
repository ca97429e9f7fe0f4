"""A courier in a process of its own, to be killed: `python … DATABASE_URL`."""

from __future__ import annotations

import sys
import threading

from lookalike.database import open_engine
from lookalike.webhooks.courier import Courier, Pace
from lookalike.webhooks.posting import Poster

if __name__ == "__main__":
    # With a short lease, so that the test need not wait a minute.
    engine, poster = open_engine(sys.argv[1]), Poster(["127.0.0.1"])
    Courier(engine, poster, pace=Pace(lease_s=0.5)).run(threading.Event())
