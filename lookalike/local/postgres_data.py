"""The data folder of an embedded Postgres: made whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from pathlib import Path

import structlog

from lookalike.errors import ServerNotStarted
from lookalike.local.folders import write_file
from lookalike.local.placement import Placement

_log = structlog.get_logger(__name__)

NAME = "lookalike"
"""The database, and its owner and superuser."""

# Nothing of the caller's PG… variables or locale reaches the server.
ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/local/bin:/usr/bin:/bin"}


def ensure_password(place: Placement) -> str:
    """The password kept in the folder, readable by its account alone; a new one at first."""
    path = place.folder / "password"
    if not path.exists():
        write_file(path, secrets.token_urlsafe(24))
    _give(path, place)
    return path.read_text()


def ensure_data(place: Placement, *, durable: bool) -> None:
    """Make the data folder with an empty database where there is none.

    Raises ServerNotStarted with what the failing program said.
    """
    if place.data.exists():
        return
    _log.info("postgres_created", folder=str(place.folder))
    scratch = place.folder / "data.new"
    if scratch.exists():
        shutil.rmtree(scratch)
    scratch.mkdir(mode=0o700)
    _give(scratch, place)
    _run(place, _initdb(place, scratch, durable=durable))
    # Single-user mode: no port, no password, and the folder is complete before it is there.
    single = [place.program("postgres"), "--single", "-D", str(scratch), "postgres"]
    _run(place, single, typed=f"CREATE DATABASE {NAME};\n")
    scratch.rename(place.data)


def _initdb(place: Placement, data: Path, *, durable: bool) -> list[str]:
    return [
        place.program("initdb"),
        f"--pgdata={data}",
        f"--username={NAME}",
        f"--pwfile={place.folder / 'password'}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        # Sorts the same on every machine, whatever locales it has.
        "--no-locale",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        *([] if durable else ["--no-sync"]),
    ]


def _run(place: Placement, arguments: list[str], *, typed: str = "") -> None:
    account = place.account
    ran = subprocess.run(
        arguments,
        input=typed.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=ENVIRONMENT,
        cwd="/",
        user=None if account is None else account.uid,
        group=None if account is None else account.gid,
        extra_groups=None if account is None else [],
        check=False,
    )
    if ran.returncode != 0:
        raise ServerNotStarted(
            f"{Path(arguments[0]).name} ended with status {ran.returncode} while it made "
            f"{place.data}:\n{ran.stdout.decode(errors='replace')[-2000:]}",
            value=ran.returncode,
        )


def _give(path: Path, place: Placement) -> None:
    if place.account is not None:
        os.chown(path, place.account.uid, place.account.gid, follow_symlinks=False)
