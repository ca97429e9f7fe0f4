"""The arithmetic of quotas."""

from __future__ import annotations

import pytest

from lookalike_api.entry.answers import rate_headers
from lookalike_api.entry.quotas import Quota, Standing

SIX_A_MINUTE = Quota(6, 60)


def ask(quota: Quota, times: list[float]) -> list[Standing]:
    """What becomes of requests at these times."""
    standings: list[Standing] = []
    full_at = 0.0
    for now in times:
        standings.append(quota.take(full_at, now))
        full_at = standings[-1].full_at
    return standings


def test_a_rate_is_read_as_it_is_written() -> None:
    assert Quota.parse("600/minute") == Quota(600, 60)
    assert Quota.parse("1/day") == Quota(1, 86_400)
    assert Quota.parse("none") is None


def test_a_whole_quota_may_be_used_at_once_and_no_more() -> None:
    standings = ask(SIX_A_MINUTE, [100.0] * 8)
    assert [one.is_granted for one in standings] == [True] * 6 + [False] * 2
    assert [one.n_left for one in standings] == [5, 4, 3, 2, 1, 0, 0, 0]


def test_what_is_used_comes_back_steadily() -> None:
    *_, refused, early, granted = ask(SIX_A_MINUTE, [0.0] * 6 + [0.0, 8.0, 10.0])
    assert refused.retry_in_s == pytest.approx(10)
    assert (early.is_granted, granted.is_granted) == (False, True)
    assert early.retry_in_s == pytest.approx(2)


def test_what_counts_as_several_is_granted_where_all_of_them_are_left() -> None:
    first = SIX_A_MINUTE.take(0.0, 100.0, 4)
    refused = SIX_A_MINUTE.take(first.full_at, 100.0, 4)
    assert (first.n_left, refused.is_granted, refused.n_left) == (2, False, 2)
    assert refused.retry_in_s == pytest.approx(20)
    assert SIX_A_MINUTE.take(refused.full_at, 120.0, 4).is_granted


def test_being_refused_costs_nothing() -> None:
    standings = ask(SIX_A_MINUTE, [0.0] * 6 + [5.0] * 100 + [10.0])
    assert standings[-1].is_granted


@pytest.mark.parametrize("quota", [Quota(7, 60), Quota(600, 60), Quota(86_400, 86_400)])
def test_no_rounding_refuses_the_last_request_of_a_quota(quota: Quota) -> None:
    standings = ask(quota, [1_800_000_000.123] * (quota.n + 1))
    assert [one.is_granted for one in standings].index(False) == quota.n


def test_the_headers_tell_the_quota_what_is_left_and_when_it_is_whole() -> None:
    (standing,) = ask(SIX_A_MINUTE, [0.0])
    assert rate_headers(standing) == {
        "RateLimit-Policy": '"default";q=6;w=60',
        "RateLimit": '"default";r=5;t=10',
    }
