"""A campaign: jobs all along, one fault after another, and the account at the end."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from sqlalchemy import text

from lookalike.database import tallies, transaction
from tests.faults.askers import Askers
from tests.faults.faults import FAULTS
from tests.faults.installation import Installation, installed
from tests.faults.ledger import Account, settle
from tests.faults.producers import Producers

# After a fault, until every worker finishes jobs again. Redis's clients notice a connection
# that is silent after ten seconds, and then wait before they try again.
_RECOVERY_S = 90.0
_DRAIN_S = 300.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How many jobs at least, which faults how often, and how many go on meanwhile."""

    n_jobs: int
    faults: Mapping[str, int]
    n_killers: int
    # A picture that kills its worker does so this often before it fails; and no other job is
    # anywhere near it: it would have to meet as many deaths of workers in a row, in tries that
    # take a fraction of a second each. The account tells how many the unluckiest had.
    max_attempts: int
    backlog: int
    n_workers: int = 3
    n_relays: int = 2
    # Of the faults, this share gets another process killed in its midst.
    doubled_up: float = 0.3


FULL = Plan(
    n_jobs=60_000,
    faults={
        "worker_kill": 30,
        "worker_stop": 5,
        "worker_freeze": 5,
        "relay_kill": 12,
        "relay_freeze": 3,
        "redis_kill": 8,
        "redis_flush": 6,
        "redis_freeze": 2,
        "redis_half_open": 4,
        "redis_out_of_memory": 3,
        "redis_full_disk": 3,
        "postgres_restart": 3,
        "postgres_kill": 3,
        "postgres_crash": 2,
        "postgres_disconnect": 4,
        "clock_forward": 2,
        "clock_back": 2,
    },
    n_killers=5,
    max_attempts=10,
    backlog=3000,
)

SMALL = Plan(
    n_jobs=1000,
    faults=dict.fromkeys(
        (
            "worker_kill",
            "worker_freeze",
            "relay_kill",
            "redis_kill",
            "redis_flush",
            "redis_full_disk",
            "postgres_kill",
            "postgres_disconnect",
            "clock_forward",
        ),
        1,
    ),
    n_killers=1,
    max_attempts=5,
    backlog=600,
    n_workers=2,
    doubled_up=0,
)


@dataclass
class Campaign:
    """One run of a plan, and what it found besides the account: `stuck`, `deaths`, `recovery_s`."""

    plan: Plan
    seed: int
    logs: Path
    n_faults: Counter[str] = field(default_factory=Counter)
    recovery_s: dict[str, float] = field(default_factory=dict)
    stuck: list[str] = field(default_factory=list)
    deaths: list[str] = field(default_factory=list)
    n_unknown: int = 0
    n_answered: int = 0
    n_unanswered: int = 0
    _started: float = field(default_factory=time.monotonic)

    def run(self) -> Account:
        """Inject the faults under load, wait for the last job, and settle the account."""
        plan = self.plan
        dice = Random(self.seed)
        with installed(self.logs, max_attempts=plan.max_attempts) as it:
            it.start_parts(n_workers=plan.n_workers, n_relays=plan.n_relays)
            self._recover(it, "start")
            with (
                Producers(
                    it.settings,
                    it.host,
                    backlog=plan.backlog,
                    killers_at=range(200, plan.n_jobs, plan.n_jobs // plan.n_killers),
                    seed=self.seed,
                ) as producers,
                Askers(it.settings) as askers,
            ):
                self._recover(it, "start")
                for name in self._schedule(dice):
                    self._inject(it, name, dice)
                    self._say(f"{producers.n_accepted} jobs")
                it.until(lambda: producers.n_accepted >= plan.n_jobs, timeout_s=1200)
                self._recover(it, "the last one")
            self.n_unknown = producers.n_unknown
            self.n_answered, self.n_unanswered = askers.n_answered, askers.n_unanswered
            self._drain(it)
            self.deaths = it.crew.deaths
            self.stuck += it.findings
            self.n_faults["worker_kill_by_picture"] = it.crew.n_by_pictures
            with transaction(it.engine) as connection:
                return settle(connection, producers.accepted)

    def _schedule(self, dice: Random) -> list[str]:
        names = [name for name, n in self.plan.faults.items() for _ in range(n)]
        dice.shuffle(names)
        return names

    def _inject(self, it: Installation, name: str, dice: Random) -> None:
        it.wait(dice.uniform(0, 1))
        self._say(name)
        if dice.random() < self.plan.doubled_up:
            also = dice.choice(("worker_kill", "relay_kill"))
            FAULTS[also](it, dice)
            self.n_faults[also] += 1
        FAULTS[name](it, dice)
        self.n_faults[name] += 1
        self._recover(it, name)

    def _recover(self, it: Installation, name: str) -> None:
        """Wait until every worker finishes jobs again; one that does not is stuck, and replaced."""
        started = time.monotonic()
        before: dict[str, int] = {}
        progressed: set[str] = set()

        def all_work() -> bool:
            now = it.n_done_by_worker()
            for worker, n_done in now.items():
                if n_done > before.setdefault(worker, n_done):
                    progressed.add(worker)
            return len(progressed & now.keys()) == self.plan.n_workers

        if name == "start":
            assert it.until(
                lambda: len(it.n_done_by_worker()) == self.plan.n_workers, timeout_s=120
            ), "the workers do not start"
            return
        if not it.until(all_work, timeout_s=_RECOVERY_S):
            idle = it.n_done_by_worker().keys() - progressed
            self.stuck.append(f"{name}: {', '.join(sorted(idle)) or 'some worker is missing'}")
            self._say(f"stuck after {self.stuck[-1]}")
        took_s = time.monotonic() - started
        self.recovery_s[name] = round(max(took_s, self.recovery_s.get(name, 0.0)), 1)

    def _drain(self, it: Installation) -> None:
        """Wait until no job is open, and no lease is left: one without open jobs runs out."""

        def is_empty() -> bool:
            with transaction(it.engine) as connection:
                n_leases = connection.scalar(text("SELECT count(*) FROM lookalike.leases"))
                return not n_leases and tallies.count_open(connection) == 0

        self._say("the backlog is drained")
        if not it.until(is_empty, timeout_s=_DRAIN_S):
            self.stuck.append("the end: jobs or leases are left over")
        self._say("drained")

    def _say(self, what: str) -> None:
        sys.stderr.write(f"{time.monotonic() - self._started:6.1f} s  {what}\n")

    @property
    def seconds(self) -> float:
        return round(time.monotonic() - self._started, 1)
