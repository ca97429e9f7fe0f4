"""Rules of the house that no linter knows."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHIPPED = ("lookalike", "worker", "api", "migrations")

# A file may be longer for a reason that stands here.
LONGEST_FILE = 300
LONGER_FILES: dict[str, str] = {}

HEAVY = (
    "tensorflow",
    "keras",
    "celery",
    "sqlalchemy",
    "psycopg2",
    "fastapi",
    "PIL",
    "httpx",
    "prometheus_client",
    "opentelemetry",
    "pyarrow",
    "fsspec",
)


def sources(*folders: str) -> Iterator[tuple[str, str]]:
    """The path below the root and the text of every Python file in some folders."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text()


def mentions(pattern: str, *folders: str) -> list[str]:
    return [name for name, text in sources(*folders) if re.search(pattern, text, flags=re.M)]


@pytest.mark.parametrize(
    "statement",
    ["import lookalike", "from lookalike.settings import Settings; Settings.load({})"],
)
def test_importing_the_library_is_cheap(statement: str) -> None:
    question = f"import sys; {statement}; print(*sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", question], capture_output=True, text=True, check=True
    )
    loaded = {name.split(".")[0] for name in answer.stdout.split()}
    assert "lookalike" in loaded
    assert not loaded.intersection(HEAVY)


def test_one_file_reads_the_environment() -> None:
    assert mentions(r"\bos\.(environb?|getenv)\b|from os import", *SHIPPED) == [
        "lookalike/environment.py"
    ]


def test_only_the_cli_prints() -> None:
    printing = mentions(r"^\s*(print|pprint)\(", *SHIPPED)
    assert [name for name in printing if not name.startswith("lookalike/cli")] == []


def test_files_are_short() -> None:
    long = {name for name, text in sources(*SHIPPED) if len(text.splitlines()) > LONGEST_FILE}
    assert long == LONGER_FILES.keys()


def test_no_module_has_a_name_that_says_nothing() -> None:
    vague = {"utils", "util", "helpers", "common", "manager", "misc", "base", "core"}
    names = {Path(name).stem for name, _ in sources(*SHIPPED)}
    assert not names & vague


def test_every_package_lists_its_public_names() -> None:
    fronts = [(name, text) for name, text in sources(*SHIPPED) if name.endswith("__init__.py")]
    assert fronts
    assert [name for name, text in fronts if "__all__" not in text] == []


def test_the_role_folders_are_no_packages() -> None:
    assert [f for f in ("worker", "api", "migrations") if (ROOT / f / "__init__.py").exists()] == []
