"""A browser, an installation behind it, and pages that must not complain."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.chromium import find_chromium
from tests.browser.house import House, running_house

# A loaded machine with two cores is slow, and no less right.
_TIMEOUT_MS = 60_000
# The page asks for thumbnails that not every image has; a refused request is tested as such.
_EXPECTED = "Failed to load resource"


@pytest.fixture(scope="session")
def browser_thread() -> Iterator[Executor]:
    """The one thread that Playwright is used in.

    It leaves an event loop running where it was started, and in the main
    thread no test of anything asynchronous could then run its own.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="browser") as thread:
        yield thread


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Call tests of this folder in that thread."""
    thread = pyfuncitem.funcargs.get("browser_thread")
    if not isinstance(thread, Executor):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    thread.submit(pyfuncitem.obj, **arguments).result()
    return True


@pytest.fixture(scope="session")
def browser(browser_thread: Executor) -> Iterator[Browser]:
    path = find_chromium()
    if path is None:
        pytest.skip("no Chromium is installed: apt-get install chromium")
    expect.set_options(timeout=_TIMEOUT_MS)
    playwright = browser_thread.submit(sync_playwright().start).result()
    launch = partial(playwright.chromium.launch, executable_path=path)
    browser = browser_thread.submit(launch).result()
    yield browser
    browser_thread.submit(browser.close).result()
    browser_thread.submit(playwright.stop).result()


@pytest.fixture(scope="session")
def house(
    browser: Browser,
    session_database_url: str,
    session_redis_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[House]:
    """Started once for all tests of the folder; each keeps to a collection of its own."""
    folder = tmp_path_factory.mktemp("house")
    # Nothing of this machine's files, and of its hosts only those that a test serves.
    limits = {"file_roots": folder / "nothing", "allow_hosts": "127.0.0.1"}
    with running_house(session_database_url, session_redis_url, folder, **limits) as running:
        yield running


Open = Callable[..., Page]


@pytest.fixture
def open_page(browser_thread: Executor, browser: Browser, house: House) -> Iterator[Open]:
    """Opens the page at an address; fails where a script failed or the browser refused a thing."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def opened(address: str = "", **options: object) -> Page:
        context = browser.new_context(base_url=house.url, **options)  # type: ignore[arg-type]
        context.set_default_timeout(_TIMEOUT_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: _note(complaints, message.type, message.text))
        page.goto(address if "://" in address else f"/{address}")
        return page

    yield opened
    for context in contexts:
        browser_thread.submit(context.close).result()
    assert complaints == []


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder for the files that a test picks."""
    folder = tmp_path / "files"
    folder.mkdir()
    return folder


def _note(complaints: list[str], kind: str, text: str) -> None:
    if kind == "error" and not text.startswith(_EXPECTED):
        complaints.append(text)
