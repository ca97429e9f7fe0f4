"""The page's files hang together, and nothing in them points elsewhere."""

from __future__ import annotations

import posixpath
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lookalike_api.page.files import INDEX, page_files

ROOT = Path(__file__).parents[3]
LONGEST_FILE = 300

TEXTS = {path: file.content.decode() for path, file in page_files().items()}
SCRIPTS = sorted(path for path in TEXTS if path.endswith(".js"))


def test_all_that_the_index_names_is_there() -> None:
    named = re.findall(r'(?:href|src)="page/([^"]+)"', TEXTS[INDEX])
    assert "script/main.js" in named
    assert set(named) <= TEXTS.keys()
    assert {path for path in TEXTS if path.endswith(".css")} <= set(named)


@pytest.mark.parametrize("path", SCRIPTS)
def test_all_that_a_script_imports_is_there(path: str) -> None:
    imported = re.findall(r'^import .*?"(.+?)";$', TEXTS[path], flags=re.M)
    found = {posixpath.normpath(posixpath.join(posixpath.dirname(path), name)) for name in imported}
    assert found <= TEXTS.keys()


def test_nothing_is_asked_of_another_host() -> None:
    # What a reader may type is no address to load anything from; nor is an XML namespace.
    allowed = ("https://…", "https://images.example/", "http://www.w3.org/2000/svg")
    urls = [url for text in TEXTS.values() for url in re.findall(r"https?://[^\"'\s<>]+", text)]
    assert [url for url in urls if not url.startswith(allowed)] == []


def test_no_text_becomes_markup() -> None:
    sinks = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\("
    assert [path for path in SCRIPTS if re.search(sinks, TEXTS[path])] == []


def test_scripts_and_styles_are_short() -> None:
    assert [p for p, text in TEXTS.items() if len(text.splitlines()) > LONGEST_FILE] == []
    sources = [path for path in TEXTS if not path.endswith((".html", ".svg"))]
    assert [p for p in sources if max(map(len, TEXTS[p].splitlines())) > 100] == []


def test_the_wheel_has_every_file(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    shipped = set(zipfile.ZipFile(wheel).namelist())
    assert {f"lookalike_api/page/site/{path}" for path in TEXTS} <= shipped
