"""An installation of its own: servers that can be killed, and processes that are supervised."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import redis
from sqlalchemy import Engine, text

from lookalike.database import open_engine, transaction
from lookalike.errors import StoreUnavailable
from lookalike.local.postgres import embedded_postgres
from lookalike.local.server import Server
from lookalike.local.valkey import embedded_valkey
from lookalike.settings import Settings
from lookalike_migrations import migrate
from tests.faults.crew import Crew
from tests.faults.pictures import MAX_PIXELS, PictureHost
from tests.faults.proxy import Proxy

LEASE_S = 3.0


@dataclass
class Installation:
    """Postgres and Valkey, pictures, workers and relays, with a proxy in front of Valkey.

    `findings` are what a fault should not have done, in words.
    """

    folder: Path
    logs: Path
    postgres: Server
    valkey: Server
    proxy: Proxy
    host: PictureHost
    settings: Settings
    engine: Engine
    crew: Crew = field(default_factory=Crew)
    findings: list[str] = field(default_factory=list)

    @property
    def clock(self) -> Path:
        """The file that says by how many seconds the parts' wall clock is wrong."""
        return self.folder / "clock"

    @property
    def valkey_folder(self) -> Path:
        return self.folder / "valkey"

    def start_parts(self, *, n_workers: int, n_relays: int) -> None:
        for kind, n in (("relay", n_relays), ("worker", n_workers)):
            for _ in range(n):
                arguments = ["-m", "tests.faults.part", kind, str(self.clock)]
                self.crew.add(kind, arguments, self.settings.environment(), self.logs)

    def until(self, holds: Callable[[], bool], *, timeout_s: float) -> bool:
        """Keep the parts alive until a condition holds; whether it did in time."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            self.crew.revive()
            try:
                if holds():
                    return True
            except StoreUnavailable:
                pass
            time.sleep(0.05)
        return False

    def wait(self, seconds: float) -> None:
        """Keep the parts alive for a while."""
        self.until(lambda: False, timeout_s=seconds)

    def n_done_by_worker(self) -> dict[str, int]:
        """What each live process of a worker says that it has finished."""
        with transaction(self.engine) as connection:
            rows = connection.execute(
                text("""
                    SELECT id, n_done FROM lookalike.workers
                    WHERE last_seen > now() - interval '2 s'
                """)
            ).all()
        pids = {str(part.child.pid) for part in self.crew.of("worker")}
        return {row.id: row.n_done for row in rows if row.id.split("-")[-2] in pids}

    @contextmanager
    def valkey_client(self) -> Iterator[redis.Redis]:
        """Valkey itself, not by way of the proxy."""
        with redis.Redis.from_url(self.valkey.url) as client:
            yield client


@contextmanager
def installed(logs: Path, *, max_attempts: int) -> Iterator[Installation]:
    """An installation with no parts yet; all of it is gone afterwards, but for the parts' logs."""
    # Not pytest's own folder, which the server's account cannot enter.
    with tempfile.TemporaryDirectory(prefix="lookalike-faults-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        valkey = embedded_valkey(folder / "valkey")
        # Durable: another may lose what it has acknowledged when it is killed.
        postgres = embedded_postgres(folder / "postgres")
        proxy = Proxy(lambda: urlsplit(valkey.url).port or 0)
        with valkey, postgres, PictureHost() as host, proxy:
            migrate(postgres.url)
            settings = _settings(folder, postgres.url, valkey.url, proxy.port, host.address)
            settings = settings.model_copy(update={"max_attempts": max_attempts})
            engine = open_engine(postgres.url)
            it = Installation(folder, logs, postgres, valkey, proxy, host, settings, engine)
            try:
                yield it
            finally:
                it.crew.stop()
                engine.dispose()


def _settings(folder: Path, database: str, valkey: str, proxy_port: int, host: str) -> Settings:
    redis_url = valkey.replace(f":{urlsplit(valkey).port}/", f":{proxy_port}/")
    return Settings(
        database_url=database,
        redis_url=redis_url,
        home=folder,
        encoder="fake",
        batch_size=8,
        fetch_threads=4,
        n_slots=4,
        window_chunks=4,
        lease_s=LEASE_S,
        backoff_s=0.2,
        max_backoff_s=2,
        max_pixels=MAX_PIXELS,
        query_timeout_s=15,
        allow_hosts=(host,),
    )
