"""The embedded servers and the all-in-one, as they really start, die and start again."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from lookalike.errors import Misconfigured, ServerNotStarted
from lookalike.local import postgres
from lookalike.local.placement import place_postgres
from lookalike.local.postgres import embedded_postgres
from lookalike.local.server import Server
from lookalike.local.stack import Stack, running_environment
from lookalike.local.valkey import embedded_valkey
from lookalike.settings import Settings

pytestmark = pytest.mark.usefixtures("postgres_url", "redis_url")  # skips where servers cannot run

on_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells children of a parent's death"
)

# A parent that starts both servers, tells their process ids, and waits to be killed.
PARENT = """
import sys, time
from pathlib import Path
from lookalike.local.postgres import embedded_postgres
from lookalike.local.valkey import embedded_valkey
from lookalike.logs import configure_logs
configure_logs()
folder = Path(sys.argv[1])
servers = [embedded_postgres(folder / "postgres"), embedded_valkey(folder / "valkey")]
for server in servers:
    server.start()
print(*(server.pid for server in servers), flush=True)
time.sleep(60)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every account may enter, as pytest's own may not be."""
    with tempfile.TemporaryDirectory(prefix="lookalike-tests-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


def ask(url: str, statement: str) -> object:
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone() if cursor.description else None


def children() -> list[str]:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


def kill(server: Server) -> None:
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    os.waitid(os.P_PID, server.pid, os.WEXITED | os.WNOWAIT)


def test_postgres_keeps_its_rows_and_its_url_from_start_to_start(folder: Path) -> None:
    with embedded_postgres(folder) as server:
        url = server.url
        ask(url, "CREATE EXTENSION vector; CREATE TABLE kept AS SELECT '[1,2]'::vector AS v")
    with embedded_postgres(folder) as server:
        assert server.url == url
        assert ask(url, "SELECT v <=> '[2,4]' FROM kept") == (0.0,)


def test_postgres_keeps_what_was_committed_before_it_was_killed(folder: Path) -> None:
    with embedded_postgres(folder) as server:
        url = server.url
        ask(url, "CREATE TABLE kept AS SELECT 7 AS v")
        kill(server)
        assert (folder / "data/postmaster.pid").exists()
        assert server.start() == url
        assert ask(url, "SELECT v FROM kept") == (7,)


def test_postgres_asks_for_the_password_and_listens_on_loopback_alone(folder: Path) -> None:
    with embedded_postgres(folder) as server:
        address = urlsplit(server.url)
        with pytest.raises(psycopg2.OperationalError, match="authentication failed"):
            ask(server.url.replace(str(address.password), "wrong"), "SELECT 1")
        assert ask(server.url, "SHOW listen_addresses") == ("127.0.0.1",)
        assert ask(server.url, "SHOW unix_socket_directories") == ("",)
    assert (folder / "password").stat().st_mode & 0o777 == 0o600


def test_postgres_sorts_alike_on_every_machine(folder: Path) -> None:
    with embedded_postgres(folder) as server:
        found = ask(
            server.url,
            "SELECT datlocprovider, datlocale, pg_encoding_to_char(encoding) "
            "FROM pg_database WHERE datname = 'lookalike'",
        )
    assert found == ("b", "C.UTF-8", "UTF8")


def test_a_second_postgres_in_the_folder_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hasty = replace(postgres._ABOUT, lock_timeout_s=0)
    monkeypatch.setattr(postgres._Postgres, "about", hasty)
    with embedded_postgres(folder) as server:
        with pytest.raises(ServerNotStarted, match="another process serves"):
            embedded_postgres(folder).start()
        assert ask(server.url, "SELECT 1") == (1,)


def test_a_postgres_that_cannot_start_shows_the_end_of_its_log(folder: Path) -> None:
    with embedded_postgres(folder):
        pass
    with (folder / "data/postgresql.conf").open("a") as configuration:
        configuration.write("no_such_setting = 1\n")
    with pytest.raises(ServerNotStarted, match=r'unrecognized configuration.*"no_such_setting"'):
        embedded_postgres(folder).start()


def test_what_a_broken_first_start_left_is_made_anew(folder: Path) -> None:
    (folder / "data.new").mkdir()
    (folder / "data.new/PG_VERSION").write_text("18\n")
    with embedded_postgres(folder) as server:
        assert ask(server.url, "SELECT 1") == (1,)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to give its servers another account")
def test_roots_postgres_moves_where_its_account_can_enter(folder: Path) -> None:
    private = folder / "private"
    private.mkdir(mode=0o700)
    place = place_postgres(private / "postgres", fallback=folder / "elsewhere")
    assert place.folder.is_relative_to(folder / "elsewhere")
    assert (private / "postgres/elsewhere").resolve() == place.folder
    assert private.stat().st_mode & 0o777 == 0o700


def test_valkey_asks_for_the_password_and_keeps_nothing(folder: Path) -> None:
    with embedded_valkey(folder) as server, redis.Redis.from_url(server.url) as client:
        client.set("a", "b")
        port = urlsplit(server.url).port or 0
        stranger = redis.Redis(port=port, retry=Retry(NoBackoff(), 0))
        with stranger, pytest.raises(redis.AuthenticationError):
            stranger.get("a")
    assert sorted(path.name for path in folder.iterdir()) == ["lock", "valkey.conf", "valkey.log"]
    assert (folder / "valkey.conf").stat().st_mode & 0o777 == 0o600


def test_valkey_has_the_same_url_after_it_was_killed(folder: Path) -> None:
    with embedded_valkey(folder) as server:
        url = server.url
        kill(server)
        assert not server.is_running
        assert server.start() == url


@on_linux
def test_no_server_survives_a_killed_parent(folder: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        ends = [os.pidfd_open(int(pid)) for pid in parent.stdout.readline().split()]
        parent.kill()
    for end in ends:
        assert select.select([end], [], [], 20)[0]
        os.close(end)
    with embedded_postgres(folder / "postgres") as server:
        assert ask(server.url, "SELECT 1") == (1,)


def stack_in(home: Path, **urls: str) -> Stack:
    options = {"home": str(home), "encoder": "efficientnet_lite0", "api_port": "0", **urls}
    return Stack(Settings.load({f"LOOKALIKE_{name.upper()}": v for name, v in options.items()}))


@pytest.fixture
def stack(database_url: str, redis_url: str, folder: Path) -> Iterator[Stack]:
    with stack_in(folder, database_url=database_url, redis_url=redis_url) as stack:
        yield stack


def test_a_stack_uses_the_servers_that_it_is_given_and_tells_where(
    stack: Stack, database_url: str, redis_url: str, folder: Path
) -> None:
    assert running_environment(folder) == {
        "LOOKALIKE_DATABASE_URL": database_url,
        "LOOKALIKE_REDIS_URL": redis_url,
    }
    assert not (folder / "postgres").exists()
    assert urlsplit(stack.api_url).port


def test_a_home_has_one_stack(stack: Stack) -> None:
    with pytest.raises(Misconfigured, match=r"runs in .* already"), Stack(stack.settings):
        pass


@on_linux
def test_a_stack_leaves_nothing_running(folder: Path) -> None:
    before = children()
    with stack_in(folder) as stack:
        stack.check()
        url = stack.settings.database_url
    # A child that lives, or is not waited for, is still listed.
    assert children() == before
    with pytest.raises(psycopg2.OperationalError, match="refused"):
        ask(url, "SELECT 1")
    assert running_environment(folder) == {}
    assert not (folder / "running.json").exists()
