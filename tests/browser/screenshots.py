"""`python -m tests.browser.screenshots`: the pictures of docs/page.md, with a real encoder.

Everything is started for it and stopped afterwards. The photographs are in the public domain or
CC0: `lookalike.demo.photographs` tells each one's origin.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import ImageOps
from playwright.sync_api import Browser, Page, expect, sync_playwright

from lookalike.demo.edits import EDITS
from lookalike.demo.photographs import BUNDLED, bundled_photographs
from lookalike.local.postgres import embedded_postgres
from lookalike.local.valkey import embedded_valkey
from lookalike.pictures.edits import Edit, unchanged
from lookalike.pictures.opening import open_picture
from lookalike_migrations import migrate
from tests.browser.chromium import find_chromium
from tests.browser.house import House, running_house
from tests.browser.pictures import Picture
from tests.processes import REPOSITORY

DOCS = REPOSITORY / "docs"
MAX_BYTES = 150_000
_TIMEOUT_MS = 60_000
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 360, "height": 740}

COLLECTION = "photographs"
ORIGINAL = Edit("original", unchanged)
# What is asked by; not among those that are stored.
QUERY = EDITS[3]
STORED = (ORIGINAL, EDITS[1], EDITS[2], EDITS[5], EDITS[8])
TORN = b"cut off while it was uploaded"


def main() -> None:
    """Write the pictures into docs/."""
    with tempfile.TemporaryDirectory(prefix="lookalike-page-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        expect.set_options(timeout=_TIMEOUT_MS)
        with _running(folder) as house, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_chromium())
            _search(browser, house, folder)
            _map(browser, house)
            _add(browser, house, folder)
            _queue(browser, house)
            browser.close()


@contextmanager
def _running(folder: Path) -> Iterator[House]:
    postgres = embedded_postgres(folder / "postgres", durable=False)
    valkey = embedded_valkey(folder / "valkey")
    try:
        urls = postgres.start(), valkey.start()
        migrate(urls[0])
        logs = folder / "logs"
        logs.mkdir()
        with running_house(*urls, logs, encoder="efficientnet_lite0") as house:
            yield house
    finally:
        valkey.stop()
        postgres.stop()


def _pictures(edits: tuple[Edit, ...]) -> Iterator[Picture]:
    for photograph, path in zip(BUNDLED, bundled_photographs(), strict=True):
        picture = ImageOps.contain(open_picture(path), (640, 640))
        for edit in edits:
            data = edit.copy_of(picture)
            metadata: dict[str, object] = {"name": photograph.subject, "edit": edit.name}
            yield Picture(f"{path.stem}.jpg", data, metadata)


def _search(browser: Browser, house: House, folder: Path) -> None:
    house.add(list(_pictures(STORED)), collection=COLLECTION)
    (cat,) = (one for one in _pictures((QUERY,)) if one.name == "chelsea.jpg")
    file = folder / "a-cat-askew.jpg"
    file.write_bytes(cat.data)
    page = _page(browser, house, f"?collection={COLLECTION}")
    page.get_by_label("Choose a picture").set_input_files(file)
    _settle(page)
    _write(page, "page-search.jpg")
    page.locator(".answer .tile").first.click()
    _settle(page)
    phone = _page(browser, house, page.url.removeprefix(house.url), PHONE, color_scheme="dark")
    _settle(phone)
    _write(phone, "page-phone.jpg")


def _map(browser: Browser, house: House) -> None:
    house.client.operator.make_map(COLLECTION)
    page = _page(browser, house, f"?view=map&collection={COLLECTION}")
    expect(page.locator(".around .tile img").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    _write(page, "page-map.jpg")


def _add(browser: Browser, house: House, folder: Path) -> None:
    holidays = folder / "holidays"
    holidays.mkdir()
    for one in _pictures((EDITS[6],)):
        (holidays / one.name).write_bytes(one.data)
    (holidays / "torn.jpg").write_bytes(TORN)
    page = _page(browser, house, "?view=add&collection=holidays")
    page.get_by_role("textbox", name="Metadata").fill("year=2026")
    page.get_by_label("Choose a folder").set_input_files(holidays)
    expect(page.get_by_text(f"{len(BUNDLED)} of {len(BUNDLED) + 1} images")).to_be_visible()
    expect(page.locator("#encoder")).to_have_text("EfficientNet-Lite0")
    page.get_by_role("heading", name="Add images").click()
    _write(page, "page-add.jpg")


def _queue(browser: Browser, house: House) -> None:
    client = house.client
    broken = [TORN + bytes([i]) for i in range(3)]
    private = [f"http://10.0.0.1/{i}.jpg" for i in range(2)]
    client.wait(list(client.add_many([*broken, *private], collection="shop")))
    client.operator.pause("shop")
    list(client.add_many([f"https://images.example/{i}.jpg" for i in range(40)], collection="shop"))
    page = _page(browser, house, "?view=queue&collection=shop")
    page.wait_for_load_state("networkidle")
    expect(page.get_by_role("button", name="Try all again").first).to_be_visible()
    _write(page, "page-queue.jpg")


def _page(
    browser: Browser, house: House, address: str, viewport: dict[str, int] = DESKTOP, **options: str
) -> Page:
    context = browser.new_context(viewport=viewport, **options)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{house.url}/{address.removeprefix('/')}")
    return page


def _settle(page: Page) -> None:
    expect(page.locator(".answer")).to_have_attribute("aria-busy", "false")
    expect(page.locator(".answer .tile img").first).to_be_visible()
    page.wait_for_load_state("networkidle")


def _write(page: Page, name: str) -> None:
    picture = page.screenshot(type="jpeg", quality=70)
    if len(picture) > MAX_BYTES:
        raise SystemExit(f"{name} has {len(picture):,} bytes; expected at most {MAX_BYTES:,}")
    (DOCS / name).write_bytes(picture)
    sys.stdout.write(f"docs/{name}: {len(picture):,} bytes\n")


if __name__ == "__main__":
    main()
