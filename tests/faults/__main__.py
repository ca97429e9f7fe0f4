"""`python -m tests.faults`: the long campaign; one JSON line at the end, status 1 if unclean."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from lookalike.telemetry.logs import configure_logs
from tests.faults.campaign import FULL, SMALL, Campaign
from tests.faults.ledger import Account


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--small", action="store_true", help="what `make test` runs")
    parser.add_argument("--only", default="", help="faults, as in redis_kill=3,worker_kill=1")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--logs", type=Path, help="where the parts' logs go; default: a new folder")
    given = parser.parse_args()
    plan = SMALL if given.small or given.only else FULL
    if given.only:
        pairs = (pair.partition("=") for pair in given.only.split(","))
        plan = replace(plan, faults={name: int(n or 1) for name, _, n in pairs}, doubled_up=0)
    # Standard output is for the one line.
    configure_logs(level=logging.WARNING)
    logs = given.logs or Path(tempfile.mkdtemp(prefix="lookalike-faults-logs-"))
    logs.mkdir(exist_ok=True)
    sys.stderr.write(f"The logs are in {logs}\n")
    campaign = Campaign(plan, given.seed, logs)
    account = campaign.run()
    for problem in (*account.problems, *campaign.stuck, *campaign.deaths):
        sys.stderr.write(f"problem: {problem}\n")
    sys.stdout.write(json.dumps(line(campaign, account)) + "\n")
    return 0 if account.is_clean and not (campaign.stuck or campaign.deaths) else 1


def line(campaign: Campaign, account: Account) -> dict[str, object]:
    """The one flat line."""
    return {
        "accepted": account.accepted,
        "done": account.done,
        "failed": account.failed,
        "lost": account.lost,
        "doubled": account.doubled,
        "faults": campaign.n_faults.total(),
        "poisoned": account.poisoned,
        "wrong": account.wrong,
        "stuck": len(campaign.stuck),
        "deaths_unasked": len(campaign.deaths),
        "most_attempts": account.most_attempts,
        "enqueues_unknown": campaign.n_unknown,
        "queries_answered": campaign.n_answered,
        "queries_unanswered": campaign.n_unanswered,
        "seconds": campaign.seconds,
        "seed": campaign.seed,
        **{f"faults_{name}": n for name, n in sorted(campaign.n_faults.items())},
        **{f"failed_{name}": n for name, n in sorted(account.failed_by_reason.items())},
        **{f"recovery_s_{name}": s for name, s in sorted(campaign.recovery_s.items())},
    }


if __name__ == "__main__":
    sys.exit(main())
