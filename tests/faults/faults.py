"""What can go wrong, each as a function that does it to an installation and makes it good again."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM

import redis
from sqlalchemy import text

from lookalike.database import transaction
from lookalike.errors import StoreUnavailable
from tests.faults.installation import LEASE_S, Installation

Fault = Callable[[Installation, Random], None]

# Longer than what the parts wait for an answer of Redis.
_SOCKET_TIMEOUT_S = 10.0
_HOUR_S = 3600.0
# One part is frozen: until the others finish a job, were they just to start.
_OTHERS_S = 45.0


def worker_kill(it: Installation, dice: Random) -> None:
    dice.choice(it.crew.of("worker")).signal(SIGKILL)


def worker_stop(it: Installation, dice: Random) -> None:
    """SIGTERM: what it holds is finished, or given back."""
    dice.choice(it.crew.of("worker")).signal(SIGTERM)


def worker_freeze(it: Installation, dice: Random) -> None:
    """Past its lease, so that its jobs are with others when it goes on."""
    _freeze(it, dice, "worker")


def relay_kill(it: Installation, dice: Random) -> None:
    dice.choice(it.crew.of("relay")).signal(SIGKILL)


def relay_freeze(it: Installation, dice: Random) -> None:
    _freeze(it, dice, "relay")


def redis_kill(it: Installation, dice: Random) -> None:
    """SIGKILL; it comes back empty, at the same port, at once or after a while."""
    _kill(it.valkey.pid)
    it.until(lambda: not it.valkey.is_running, timeout_s=10)
    it.wait(dice.choice((0.0, 0.5, LEASE_S + 1)))
    it.valkey.start()


def redis_flush(it: Installation, dice: Random) -> None:
    with it.valkey_client() as client:
        client.flushall()


def redis_freeze(it: Installation, dice: Random) -> None:
    """It takes connections and never answers, for longer than anyone waits for it."""
    assert it.valkey.pid is not None
    os.kill(it.valkey.pid, SIGSTOP)
    it.wait(_SOCKET_TIMEOUT_S + 2)
    os.kill(it.valkey.pid, SIGCONT)


def redis_half_open(it: Installation, dice: Random) -> None:
    """All connections are cut, and only Redis knows."""
    it.proxy.go_dark()
    it.wait(dice.choice((0.5, 2.0, LEASE_S + 1)))
    it.proxy.go_light()


def redis_out_of_memory(it: Installation, dice: Random) -> None:
    """Nothing can be written: OOM errors."""
    with it.valkey_client() as client:
        client.config_set("maxmemory", 1)
        it.wait(LEASE_S + 1)
        client.config_set("maxmemory", 0)


def redis_full_disk(it: Installation, dice: Random) -> None:
    """Its log of changes meets a disk without room: MISCONF errors.

    `/dev/full` is that disk: no file system of its own, and no rights, are needed.
    """
    folder = it.valkey_folder / "appendonlydir"
    folder.mkdir(exist_ok=True)
    with it.valkey_client() as client:
        with suppress(FileExistsError):
            (folder / "temp-appendonly.aof.incr").symlink_to(Path("/dev/full"))
        client.config_set("appendonly", "yes")
        assert it.until(lambda: _is_refused(client), timeout_s=10), "the disk is not full"
        it.wait(LEASE_S + 1)
        client.config_set("appendonly", "no")
    for path in folder.iterdir():
        path.unlink()


def postgres_restart(it: Installation, dice: Random) -> None:
    """In good order; connections are closed."""
    it.postgres.stop()
    it.wait(dice.choice((0.0, 1.0, LEASE_S + 1)))
    it.postgres.start()


def postgres_kill(it: Installation, dice: Random) -> None:
    """SIGKILL of the server: its log is replayed."""
    _kill(it.postgres.pid)
    it.until(lambda: not it.postgres.is_running, timeout_s=10)
    it.postgres.start()


def postgres_crash(it: Installation, dice: Random) -> None:
    """SIGKILL of one session's process: the server ends all others, and recovers."""
    with suppress(StoreUnavailable), transaction(it.engine) as connection:
        pids = connection.scalars(text(f"SELECT pid {_OTHERS}")).all()
        _kill(dice.choice(pids))


def postgres_disconnect(it: Installation, dice: Random) -> None:
    """All connections are ended, in the midst of whatever they do."""
    with transaction(it.engine) as connection:
        connection.execute(text(f"SELECT pg_terminate_backend(pid) {_OTHERS}"))


def clock_forward(it: Installation, dice: Random) -> None:
    """The wall clock of workers and relays jumps an hour ahead, then back."""
    _step_clock(it, _HOUR_S)


def clock_back(it: Installation, dice: Random) -> None:
    _step_clock(it, -_HOUR_S)


_OTHERS = """
    FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


def _freeze(it: Installation, dice: Random, kind: str) -> None:
    part = dice.choice(it.crew.of(kind))
    part.signal(SIGSTOP)
    it.wait(LEASE_S + 1)
    before: dict[str, int] = {}

    def others_work() -> bool:
        # Counted from when a worker is first seen: a picture may kill the only other one.
        now = it.n_done_by_worker()
        return any(n > before.setdefault(worker, n) for worker, n in now.items())

    # It may have stopped in the midst of a transaction.
    if not it.until(others_work, timeout_s=_OTHERS_S):
        it.findings.append(f"a frozen {kind} holds up the others")
    part.signal(SIGCONT)


def _kill(pid: int | None) -> None:
    assert pid is not None
    os.kill(pid, SIGKILL)


def _is_refused(client: redis.Redis) -> bool:
    try:
        client.set("lookalike.probe", 1)
    except redis.ResponseError:
        return True
    return False


def _step_clock(it: Installation, offset_s: float) -> None:
    it.clock.write_text(str(offset_s))
    it.wait(2)
    it.clock.write_text("0")
    it.wait(1)


FAULTS: dict[str, Fault] = {
    fault.__name__: fault
    for fault in (
        worker_kill,
        worker_stop,
        worker_freeze,
        relay_kill,
        relay_freeze,
        redis_kill,
        redis_flush,
        redis_freeze,
        redis_half_open,
        redis_out_of_memory,
        redis_full_disk,
        postgres_restart,
        postgres_kill,
        postgres_crash,
        postgres_disconnect,
        clock_forward,
        clock_back,
    )
}
