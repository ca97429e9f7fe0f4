"""The page of an API that asks for keys."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from lookalike.callers.api_keys import Keys
from lookalike.database import open_engine
from lookalike_api.app import create_app
from tests.browser.conftest import Open
from tests.browser.house import House
from tests.browser.pictures import leaves
from tests.serving import serving

COLLECTION = "locked"


@pytest.fixture(scope="module")
def locked_url(house: House) -> Iterator[str]:
    """The same installation by an API that wants a key."""
    house.add(leaves(3), collection=COLLECTION)
    settings = house.settings.model_copy(update={"api_keys": "required"})
    with serving(create_app(settings)) as http:
        yield str(http.base_url)


@pytest.fixture
def secret(house: House) -> Iterator[str]:
    """A key to read with."""
    engine = open_engine(house.settings.database_url)
    yield Keys(engine).create("page", ["read"]).secret
    engine.dispose()


def give(page: Page, key: str) -> None:
    dialog = page.get_by_role("dialog", name="An API key, please")
    dialog.get_by_label("Key", exact=True).fill(key)
    dialog.get_by_role("button", name="Use this key").click()


def test_a_key_is_asked_for_and_kept_in_the_tab(
    open_page: Open, locked_url: str, secret: str
) -> None:
    page = open_page(f"{locked_url}/?collection={COLLECTION}")
    expect(page.get_by_role("dialog")).to_contain_text("the request has no API key")
    give(page, "lk_wrong")
    expect(page.get_by_role("dialog")).not_to_contain_text("the request has no API key")
    give(page, secret)
    expect(page.locator(".beginnings .tile img")).to_have_count(3)
    page.reload()
    expect(page.locator(".beginnings .tile img")).to_have_count(3)
    page.get_by_role("button", name="Forget key").click()
    expect(page.get_by_role("dialog")).to_contain_text("the request has no API key")


def test_a_key_that_may_not_write_is_told_what_it_lacks(
    open_page: Open, locked_url: str, secret: str
) -> None:
    page = open_page(f"{locked_url}/?view=add&collection={COLLECTION}")
    give(page, secret)
    page.get_by_label("URLs, one a line").fill("https://images.example/1.jpg")
    page.get_by_role("button", name="Add these URLs").click()
    expect(page.locator(".outcome")).to_contain_text("ScopeMissing")


def test_whoever_gives_no_key_is_told_so_and_may_give_it_later(
    open_page: Open, locked_url: str, secret: str
) -> None:
    page = open_page(f"{locked_url}/?collection={COLLECTION}")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#warnings")).to_contain_text("Unauthenticated")
    page.get_by_role("button", name="Give a key").click()
    give(page, secret)
    expect(page.locator(".beginnings .tile img")).to_have_count(3)
