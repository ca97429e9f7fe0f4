"""How the page looks and is used: dark, narrow, by keyboard, and read aloud."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.house import House
from tests.browser.pictures import leaves

COLLECTION = "looked-at"
PHONE = {"width": 360, "height": 740}
GRAVE = ("serious", "critical")

# Each view's address, and what is there once it shows all that it is going to.
VIEWS = {
    "?": ".beginnings .tile img",
    "?image={}": ".answer .tile img",
    "?view=map": ".around .tile img",
    "?view=add": ".sources .drop",
    "?view=queue": ".reasons li",
}


@pytest.fixture(scope="module")
def image_id(house: House) -> int:
    """One of some images; one more failed, and one has no thumbnail."""
    first, *_, last = (job.image_id for job in house.add(leaves(5), collection=COLLECTION))
    assert first is not None
    assert last is not None
    house.client.wait([house.client.add(b"torn", collection=COLLECTION)])
    house.forget_thumbnail(last)
    house.client.operator.make_map(COLLECTION)
    return first


def show(open_page: Open, view: str, image_id: int) -> Page:
    page = open_page(f"{view.format(image_id)}&collection={COLLECTION}")
    expect(page.locator("#encoder")).to_have_text("fake")
    expect(page.locator(VIEWS[view]).first).to_be_visible()
    return page


def ground(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


@pytest.mark.parametrize("view", VIEWS)
def test_nobody_is_shut_out(open_page: Open, image_id: int, view: str) -> None:
    page = show(open_page, view, image_id)
    for scheme in ("light", "dark"):
        # Colours on their way from one scheme to the other are no colours of ours.
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found = Axe().run(page)
        grave = [one for one in found.response["violations"] if one["impact"] in GRAVE]
        assert grave == [], found.generate_report()


@pytest.mark.parametrize("view", VIEWS)
def test_a_phone_needs_no_scrolling_sideways(open_page: Open, image_id: int, view: str) -> None:
    page = show(open_page, view, image_id)
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


def test_the_theme_follows_the_system_until_it_is_chosen(open_page: Open) -> None:
    page = open_page(color_scheme="dark")
    dark = ground(page)
    switch = page.get_by_role("button", name="Theme")
    switch.click()
    expect(switch).to_have_text("Theme: light")
    light = ground(page)
    assert light != dark
    page.reload()
    assert ground(page) == light
    switch.click()
    assert ground(page) == dark


def test_the_keyboard_alone_is_enough(open_page: Open, image_id: int) -> None:
    page = show(open_page, "?image={}", image_id)
    first = page.locator(".answer .tile-name").first.inner_text()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('.answer .tile')"):
            break
    page.keyboard.press("Enter")
    expect(page.locator(".asked-name")).to_have_text(first)


def test_an_image_without_thumbnail_has_a_placeholder(open_page: Open, image_id: int) -> None:
    page = show(open_page, "?image={}", image_id)
    tile = page.locator(".answer .tile").filter(has_text="green-4.jpg")
    expect(tile.locator(".placeholder")).to_be_visible()
