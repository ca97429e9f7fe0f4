"""The order of the test files, and real servers: those that the settings name, or embedded ones."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest
import redis

from lookalike.errors import ServerNotStarted
from lookalike.local.postgres import embedded_postgres
from lookalike.local.server import Server
from lookalike.local.valkey import embedded_valkey
from lookalike.settings import Settings, environment
from lookalike_migrations import migrate

# Files whose few tests take a minute and more: they come first, lest one process waits for the
# other at the end. Real encoders need what the first file makes, so some others come between.
_LONG = (
    "contract/test_encoder.py",
    "contract/test_on_jax.py",
    "faults/test_small_faults.py",
    "integration/test_gpu_benchmark.py",
    "integration/test_real_encoders.py",
    "integration/test_openapi.py",
    "integration/test_main_job.py",
    "integration/test_shutdown.py",
    "integration/test_observing.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {str(Path(__file__).parent / name): number for number, name in enumerate(_LONG)}
    items.sort(key=lambda item: rank.get(str(item.path), len(rank)))


@pytest.fixture(scope="session")
def servers_folder() -> Iterator[Path]:
    """A folder for the session's servers; not pytest's own, which other accounts cannot enter."""
    with tempfile.TemporaryDirectory(prefix="lookalike-tests-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


@pytest.fixture(scope="session")
def postgres_url(servers_folder: Path) -> Iterator[str]:
    """A Postgres server with pgvector, shared by the session."""
    yield from _served(
        Settings.load().database_url,
        lambda: embedded_postgres(servers_folder / "postgres", durable=False),
    )


@pytest.fixture(scope="session")
def redis_server_url(servers_folder: Path) -> Iterator[str]:
    """A Redis or Valkey server, shared by the session."""
    yield from _served(
        Settings.load().redis_url,
        lambda: embedded_valkey(servers_folder / "valkey"),
    )


@pytest.fixture(scope="session")
def migrated_template(postgres_url: str) -> Iterator[str]:
    """The name of a migrated database, to be copied."""
    name = f"lookalike_template_{uuid.uuid4().hex[:12]}"
    with _database(postgres_url, name, template="template0"):
        migrate(_named(postgres_url, name))
        yield name


@pytest.fixture
def empty_database_url(postgres_url: str) -> Iterator[str]:
    """A fresh database without any schema."""
    name = f"lookalike_empty_{uuid.uuid4().hex[:12]}"
    with _database(postgres_url, name, template="template0"):
        yield _named(postgres_url, name)


@pytest.fixture
def database_url(postgres_url: str, migrated_template: str) -> Iterator[str]:
    """A fresh migrated database for one test, dropped with its connections afterwards."""
    name = f"lookalike_test_{uuid.uuid4().hex[:12]}"
    with _database(postgres_url, name, template=migrated_template):
        yield _named(postgres_url, name)


@pytest.fixture
def other_database_url(postgres_url: str, migrated_template: str) -> Iterator[str]:
    """A second one beside `database_url`, of another installation."""
    name = f"lookalike_other_{uuid.uuid4().hex[:12]}"
    with _database(postgres_url, name, template=migrated_template):
        yield _named(postgres_url, name)


@pytest.fixture(scope="module")
def module_database_url(postgres_url: str, migrated_template: str) -> Iterator[str]:
    """A migrated database for the tests of one file, which leave it as they found it."""
    name = f"lookalike_test_{uuid.uuid4().hex[:12]}"
    with _database(postgres_url, name, template=migrated_template):
        yield _named(postgres_url, name)


@pytest.fixture(scope="session")
def session_database_url(postgres_url: str, migrated_template: str) -> Iterator[str]:
    """A migrated database for tests that each keep to a collection of their own."""
    name = f"lookalike_session_{uuid.uuid4().hex[:12]}"
    with _database(postgres_url, name, template=migrated_template):
        yield _named(postgres_url, name)


@pytest.fixture
def redis_url(redis_server_url: str) -> Iterator[str]:
    """A Redis database that is empty before and after the test; nobody's data is touched."""
    with _empty_redis(redis_server_url) as url:
        yield url


@pytest.fixture(scope="session")
def session_redis_url(redis_server_url: str) -> Iterator[str]:
    """The same for `session_database_url`."""
    with _empty_redis(redis_server_url) as url:
        yield url


@contextmanager
def _empty_redis(redis_server_url: str) -> Iterator[str]:
    for number in range(15, 0, -1):
        url = urlunsplit(urlsplit(redis_server_url)._replace(path=f"/{number}"))
        with redis.Redis.from_url(url) as client:
            if client.dbsize() == 0:
                yield url
                client.flushdb()
                return
    pytest.fail("none of the Redis databases 1 to 15 is empty: tests do not flush what they find")


def _served(given_url: str, make: Callable[[], Server]) -> Iterator[str]:
    if given_url:
        yield given_url
        return
    server = make()
    try:
        url = server.start()
    except ServerNotStarted as error:
        # On a machine that cannot run them the other tests still count; in CI nothing is skipped.
        if environment().get("CI"):
            raise
        pytest.skip(str(error))
    yield url
    server.stop()


@contextmanager
def _database(postgres_url: str, name: str, *, template: str) -> Iterator[None]:
    _execute(postgres_url, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    try:
        yield
    finally:
        _execute(postgres_url, f'DROP DATABASE "{name}" WITH (FORCE)')


def _execute(postgres_url: str, statement: str) -> None:
    with closing(psycopg2.connect(postgres_url)) as connection:
        # Databases are not created inside transactions.
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)


def _named(postgres_url: str, name: str) -> str:
    return urlunsplit(urlsplit(postgres_url)._replace(path=f"/{name}"))
