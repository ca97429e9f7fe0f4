"""Counts in Redis or Valkey: one key a caller, a string; one round trip a request.

lookalike.rate:<caller>    when the whole quota is there again, seconds by the server's clock;
                           it expires at that time
"""

from __future__ import annotations

import asyncio
from typing import Any

from redis.asyncio import Redis, Sentinel
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from lookalike.errors import QueueUnavailable
from lookalike.queue.redis_urls import RedisServer, parse_redis_url
from lookalike_api.entry.quotas import Quota, Standing

_KEY = "lookalike.rate:"

# Requests wait for it: one that takes longer counts as down.
_TIMEOUT_S = 0.25

# As `Quota.take` does it, and nobody comes in between. Numbers travel as text, since a number
# that a script gives back loses its fraction.
_TAKE = """
    local time = redis.call('TIME')
    local now = time[1] + time[2] / 1000000
    local window, one = tonumber(ARGV[1]), tonumber(ARGV[1]) / tonumber(ARGV[2])
    local full_at = tonumber(redis.call('GET', KEYS[1]) or now)
    local asked = math.max(full_at, now) + tonumber(ARGV[3]) * one
    local granted = asked - now - window <= one / 10
    if granted then
        full_at = asked
        redis.call('SET', KEYS[1], string.format('%.6f', full_at),
                   'PX', math.ceil((full_at - now) * 1000))
    end
    return {granted and 1 or 0, string.format('%.6f', full_at), string.format('%.6f', now)}
"""


class InRedis:
    """The counts that all processes of the API share."""

    def __init__(self, redis_url: str) -> None:
        self._redis = _connected(parse_redis_url(redis_url))
        self._take = self._redis.register_script(_TAKE)

    async def take(self, caller: str, quota: Quota, n: int = 1) -> Standing:
        """Count a request of a caller, as `n`; raises QueueUnavailable."""
        arguments = [quota.window_s, quota.n, n]
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                granted, full_at, now = await self._take([_KEY + caller], arguments)
        except (RedisError, OSError, TimeoutError) as error:
            raise QueueUnavailable(
                f"Redis cannot be reached ({str(error) or 'no answer in time'}): is "
                "LOOKALIKE_REDIS_URL right and the server up?"
            ) from error
        return quota.standing(float(full_at), float(now), n, is_granted=bool(granted))

    async def close(self) -> None:
        await self._redis.aclose()


def _connected(server: RedisServer) -> Redis:
    """A client that connects when it is first used."""
    options: dict[str, Any] = {
        "db": server.database,
        "username": server.user,
        "password": server.password,
        "socket_timeout": _TIMEOUT_S,
        "socket_connect_timeout": _TIMEOUT_S,
        # Who waits here has no time for a second try.
        "retry": Retry(NoBackoff(), 0),
    }
    options |= {"ssl": True, **server.tls} if server.tls else {}
    if server.master is not None:
        sentinels = Sentinel(  # type: ignore[no-untyped-call]
            list(server.addresses), sentinel_kwargs=dict(server.sentinel_options)
        )
        found: Redis = sentinels.master_for(server.master, **options)
        return found
    ((host, port),) = server.addresses
    return Redis(host=host, port=port, **options)
