"""The account that a server runs as where this process is root."""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lookalike.errors import ServerNotStarted

_UNPRIVILEGED = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the system that root can become."""

    name: str
    uid: int
    gid: int

    @classmethod
    def of(cls, entry: pwd.struct_passwd) -> Account:
        return cls(entry.pw_name, entry.pw_uid, entry.pw_gid)

    def can(self, mode: str, path: Path) -> bool:
        """Whether the account may read (`r`), write (`w`) or enter (`x`) a path.

        Asked of the kernel in the account's name, so that access lists, mounts
        and every folder above count. Raises ServerNotStarted where root may not
        become the account, as in a container with a single user.
        """
        test = ["test", f"-{mode}", str(path)]
        try:
            found = subprocess.run(
                test, user=self.uid, group=self.gid, extra_groups=[], cwd="/", check=False
            )
        except OSError as error:
            raise ServerNotStarted(
                f"Postgres does not run as root, and this root cannot become {self.name!r} "
                f"({error}): run lookalike as an ordinary user, or set LOOKALIKE_DATABASE_URL",
                value=self.name,
            ) from error
        return found.returncode == 0


def server_account(data: Path) -> Account | None:
    """The account for a server that refuses root; None where this process is not root.

    The owner of existing data comes first, then `postgres`, then `nobody`.
    Raises ServerNotStarted where none of them exists.
    """
    if os.geteuid() != 0:
        return None
    if data.exists() and data.stat().st_uid != 0:
        return _owner(data)
    for name in _UNPRIVILEGED:
        try:
            return Account.of(pwd.getpwnam(name))
        except KeyError:
            continue
    raise ServerNotStarted(
        "Postgres does not run as root, and this system has neither the account 'postgres' nor "
        "'nobody': add one, run lookalike as an ordinary user, or set LOOKALIKE_DATABASE_URL"
    )


def _owner(data: Path) -> Account:
    uid = data.stat().st_uid
    try:
        return Account.of(pwd.getpwuid(uid))
    except KeyError as error:
        raise ServerNotStarted(
            f"{data} belongs to the user id {uid}, which this system does not know: give the "
            "folder to an existing account with chown, or set LOOKALIKE_HOME to another folder",
            value=uid,
        ) from error
