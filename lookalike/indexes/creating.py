"""The statement that takes long: pgvector's index over a table of keys, watched while it runs."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import structlog
from sqlalchemy import Connection, Engine, exc, text

from lookalike.database import transaction, translated

# Of pgvector's index, for each row, beside the key: links of 16 neighbours, and its tuples.
_LINKS_BYTES = 400
_LOOK_EVERY_S = 0.5

_DISK_FULL = "53100"

_PROGRESS = """
    SELECT coalesce(sum(tuples_done), 0), coalesce(sum(tuples_total), 0)
    FROM pg_stat_progress_create_index WHERE relid = to_regclass(:table)
"""


log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class BuildStep:
    """Where a build is: `done` of `total` rows; a total of 0 where that is not known."""

    name: Literal["fit", "keys", "index", "serving"]
    done: int = 0
    total: int = 0


Watch = Callable[[BuildStep], None]


def create_watched(
    engine: Engine, statement: str, *, name: str, table: str, memory_mib: int, watch: Watch
) -> None:
    """Build an index on a table, beside its writers; cancelled where `watch` raises something."""
    with translated(), engine.connect() as opened:
        connection = opened.execution_options(isolation_level="AUTOCOMMIT")
        _end_with_its_client(connection)
        pid = connection.scalar(text("SELECT pg_backend_pid()"))
        creation = _Creation(connection, name, statement, table, memory_mib)
        with ThreadPoolExecutor(1) as aside:
            building = aside.submit(creation.run)
            try:
                while wait([building], timeout=_LOOK_EVERY_S).not_done:
                    with transaction(engine) as other:
                        row = other.execute(text(_PROGRESS), {"table": table}).one()
                    watch(BuildStep("index", *map(int, row)))
            except BaseException:
                # Whoever breaks off does not want to wait for the rest of it.
                with transaction(engine) as other:
                    other.execute(text("SELECT pg_cancel_backend(:pid)"), {"pid": pid})
                raise
            building.result()


@dataclass(frozen=True, slots=True)
class _Creation:
    """The statement, on a connection of its own."""

    connection: Connection
    name: str
    statement: str
    table: str
    memory_mib: int

    def run(self) -> None:
        self._drop_broken()
        memory_mib = min(_memory_mib(self.connection, self.table), self.memory_mib)
        self._execute(f"SET maintenance_work_mem = '{memory_mib}MB'")
        try:
            self._execute(self.statement)
        except exc.OperationalError as error:
            if getattr(error.orig, "pgcode", None) != _DISK_FULL:
                raise
            self._execute_alone(error)
        self._execute("RESET maintenance_work_mem")
        # The counts that searches with filters reckon with.
        self._execute(f"ANALYZE {self.table}")

    def _execute_alone(self, error: exc.OperationalError) -> None:
        """Without processes that help: what they share may not fit a container's /dev/shm."""
        log.warning("index built by one process", index=self.name, because=str(error.orig).strip())
        self._drop_broken()
        self._execute("SET max_parallel_maintenance_workers = 0")
        self._execute(self.statement)
        self._execute("RESET max_parallel_maintenance_workers")

    def _drop_broken(self) -> None:
        """What a statement that did not end has left serves nobody."""
        is_broken = self.connection.scalar(
            text("SELECT NOT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)"),
            {"name": self.name},
        )
        if is_broken:
            self._execute(f"DROP INDEX CONCURRENTLY {self.name}")

    def _execute(self, statement: str) -> None:
        self.connection.execute(text(statement))


def _end_with_its_client(connection: Connection) -> None:
    """Let Postgres look whether this process still lives; else it would build on for nobody."""
    # Not every server's system can.
    with suppress(exc.DBAPIError):
        connection.execute(text("SET client_connection_check_interval = '5s'"))


def _memory_mib(connection: Connection, table: str) -> int:
    n_bytes = connection.scalar(
        text(f"""
            SELECT count(*) * (coalesce(max(pg_column_size(key)), 0) + {_LINKS_BYTES})
            FROM {table}
        """)
    )
    return 64 + int(n_bytes or 0) // 2**20
