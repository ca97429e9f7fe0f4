"""A campaign of a minute, small enough for every test run; `make faults` runs the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from lookalike.errors import ServerNotStarted
from lookalike.settings import environment
from tests.faults.campaign import SMALL, Campaign
from tests.faults.ledger import Account


def run(campaign: Campaign) -> Account:
    try:
        return campaign.run()
    except ServerNotStarted as error:
        # Servers that others use are not killed, so this needs embedded ones.
        if environment().get("CI"):
            raise
        pytest.skip(str(error))


def test_whoever_is_killed_flushed_or_frozen_in_mid_run_no_job_is_lost_and_none_doubled(
    tmp_path: Path,
) -> None:
    campaign = Campaign(SMALL, 1, tmp_path)
    account = run(campaign)
    assert account.is_clean, account.problems
    assert (campaign.stuck, campaign.deaths) == ([], [])
    assert account.accepted >= SMALL.n_jobs
    assert account.accepted == account.done + account.failed
    assert campaign.n_faults.keys() >= SMALL.faults.keys() | {"worker_kill_by_picture"}
