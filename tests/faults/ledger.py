"""The account at the end: what was accepted, against what the database says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Set
from dataclasses import dataclass, field

from sqlalchemy import Connection, Row, text

from lookalike.database import tallies
from lookalike.images import ImageKey
from tests.faults.pictures import N_GOOD, REASONS, kind_of, picture

_IMAGES = """
    WITH rows AS (
        SELECT image_id, count(*) AS n FROM lookalike.features GROUP BY image_id
    ), made AS (
        SELECT image_id, count(*) AS n, count(*) FILTER (WHERE status = 'done') AS n_done,
            max(attempts) AS attempts
        FROM lookalike.jobs GROUP BY image_id
    )
    SELECT i.reference, i.image_key, j.status, j.error, coalesce(r.n, 0) AS n_rows,
        coalesce(m.n_done, 0) AS n_done, coalesce(m.attempts, 0) AS attempts
    FROM lookalike.images i LEFT JOIN lookalike.jobs j ON j.id = i.job_id
    LEFT JOIN rows r ON r.image_id = i.id LEFT JOIN made m ON m.image_id = i.id
"""

_COUNTED = """
    SELECT collection_id, space_id, lane, status, count(*) AS n FROM lookalike.jobs
    GROUP BY collection_id, space_id, lane, status
"""

# The same bytes have the same features, in whatever batch they were: but for rounding, which is
# a fraction of 1, while two pictures are some 10 apart.
_MIXED_UP = """
    SELECT count(*) FROM (
        SELECT f.features <-> first_value(f.features)
            OVER (PARTITION BY f.space_id, i.image_key) AS distance
        FROM lookalike.features f JOIN lookalike.images i ON i.id = f.image_id
    ) d WHERE distance > 1
"""


@dataclass
class Account:
    """What became of everything; `problems` are the first of each sort, in words."""

    accepted: int
    done: int = 0
    failed: int = 0
    poisoned: int = 0
    lost: int = 0
    doubled: int = 0
    wrong: int = 0
    most_attempts: int = 0
    failed_by_reason: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.doubled or self.wrong) and self.failed == self.poisoned


def settle(connection: Connection, accepted: Set[str]) -> Account:
    """Compare what was accepted with the images, jobs, features and tallies in the database."""
    account = Account(len(accepted))
    rows = connection.execute(text(_IMAGES)).all()
    of = {row.reference: row for row in rows}
    for reference in sorted(accepted):
        if reference in of:
            _enter(account, of[reference])
        else:
            account.lost += 1
            _tell(account, f"{reference} was acknowledged and has no row")
    account.doubled += len(rows) - len(of)
    for problem in _contradictions(connection):
        account.wrong += 1
        _tell(account, problem)
    return account


def _enter(account: Account, row: Row[tuple[object, ...]]) -> None:
    reference, reasons = str(row.reference), REASONS.get(kind_of(str(row.reference)))
    account.poisoned += reasons is not None
    if row.n_rows > 1 or row.n_done > 1:
        account.doubled += 1
        _tell(account, f"{reference} has {row.n_rows} rows and was done {row.n_done} times")
    if row.status == "failed":
        account.failed += 1
        account.failed_by_reason[row.error] += 1
        if reasons is None or row.error not in reasons or row.n_rows:
            account.wrong += 1
            _tell(account, f"{reference} failed with {row.error} and has {row.n_rows} rows")
        return
    if row.status != "done" or row.n_rows == 0:
        account.lost += 1
        _tell(account, f"{reference} is {row.status} and has {row.n_rows} rows")
        return
    account.done += 1
    account.most_attempts = max(account.most_attempts, row.attempts)
    if reasons is not None or bytes(row.image_key) != _key(reference):
        account.wrong += 1
        _tell(account, f"{reference} was done with the key {bytes(row.image_key).hex()}")


def _key(reference: str) -> bytes:
    number = int(reference.rsplit("/", 1)[1])
    return ImageKey.of(picture(kind_of(reference), number % N_GOOD)).digest


def _contradictions(connection: Connection) -> list[str]:
    found = []
    told = {(t.collection_id, t.space_id, t.lane, t.status): t.n for t in tallies.read(connection)}
    counted = {tuple(row)[:4]: row.n for row in connection.execute(text(_COUNTED))}
    if told != counted:
        found.append(f"the tallies say {told}, and there are {counted}")
    n_images = connection.scalar(text("SELECT count(*) FROM lookalike.images"))
    n_told = connection.scalar(
        text("SELECT coalesce(sum(n), 0) FROM lookalike.tallies WHERE what = 'image'")
    )
    if n_images != n_told:
        found.append(f"the tallies say {n_told} images, and there are {n_images}")
    n_leases = connection.scalar(text("SELECT count(*) FROM lookalike.leases"))
    if n_leases:
        found.append(f"{n_leases} leases are left over")
    n_mixed_up = connection.scalar(text(_MIXED_UP))
    if n_mixed_up:
        found.append(f"{n_mixed_up} rows have other features than the same bytes elsewhere")
    return found


def _tell(account: Account, problem: str) -> None:
    if len(account.problems) < 20:
        account.problems.append(problem)
