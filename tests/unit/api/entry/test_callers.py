"""Keys that were found good a moment ago, and those that were not."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from lookalike.callers.api_keys import ApiKey
from lookalike.errors import TooManyRequests, Unauthenticated
from lookalike_api.entry import callers
from lookalike_api.entry.callers import FAILURES, VERIFIED_S, KnownKeys, network_of


class Registry:
    """Keys by their secrets; counts how often it is asked."""

    def __init__(self, *secrets: str) -> None:
        self.secrets = set(secrets)
        self.n_asked = 0

    async def verify(self, secret: str) -> ApiKey:
        self.n_asked += 1
        if secret not in self.secrets:
            raise Unauthenticated("not known")
        made = datetime(2026, 1, 1, tzinfo=UTC)
        return ApiKey(7, "mine", secret[:9], ("read",), made, None, None, None)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def knock(keys: KnownKeys, secret: str, network: str = "192.0.2.1") -> int:
    return asyncio.run(keys.caller(secret, network)).key_id


def test_a_key_is_looked_up_once_in_some_seconds() -> None:
    registry, clock = Registry("lk_good"), Clock()
    keys = KnownKeys(registry.verify, clock)
    assert [knock(keys, "lk_good") for _ in range(3)] == [7, 7, 7]
    assert registry.n_asked == 1
    clock.now += VERIFIED_S
    knock(keys, "lk_good")
    assert registry.n_asked == 2


def test_a_revoked_key_stops_when_it_is_looked_up_again() -> None:
    registry, clock = Registry("lk_good"), Clock()
    keys = KnownKeys(registry.verify, clock)
    knock(keys, "lk_good")
    registry.secrets.clear()
    knock(keys, "lk_good")
    clock.now += VERIFIED_S
    with pytest.raises(Unauthenticated):
        knock(keys, "lk_good")


def test_what_is_no_key_of_ours_is_never_looked_up() -> None:
    registry = Registry()
    with pytest.raises(Unauthenticated, match="begins with lk_"):
        knock(KnownKeys(registry.verify, Clock()), "ey.some.token")
    assert registry.n_asked == 0


def test_who_tries_keys_is_stopped_and_keeps_nobody_out_who_is_known() -> None:
    registry, clock = Registry("lk_good", "lk_new"), Clock()
    keys = KnownKeys(registry.verify, clock)
    knock(keys, "lk_good")
    for n in range(FAILURES.n):
        with pytest.raises(Unauthenticated):
            knock(keys, f"lk_{n}")
    clock.now += VERIFIED_S / 10
    with pytest.raises(TooManyRequests) as refused:
        knock(keys, "lk_new")
    assert 0 < refused.value.retry_in_s <= FAILURES.window_s / FAILURES.n
    assert knock(keys, "lk_good") == 7
    assert knock(keys, "lk_new", "198.51.100.1") == 7


def test_only_so_many_keys_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callers, "MOST_KEYS", 2)
    registry = Registry("lk_a", "lk_b", "lk_c")
    keys = KnownKeys(registry.verify, Clock())
    for secret in ("lk_a", "lk_b", "lk_c", "lk_a"):
        knock(keys, secret)
    assert registry.n_asked == 4


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("unknown", "unknown"),
    ],
)
def test_an_address_stands_for_what_one_customer_has(address: str, network: str) -> None:
    assert network_of(address) == network
