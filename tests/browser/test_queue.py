"""The queue on the page: figures, workers, failures and their retry."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Open
from tests.browser.house import House
from tests.browser.pictures import leaves
from tests.file_host import FileHost, serving


@pytest.fixture
def absent() -> Iterator[FileHost]:
    """A web server whose only picture is not there at first."""
    with serving(FileHost(leaves(1)[0].data, statuses=[404])) as host:
        yield host


def row(page: Page, table: str, text: str) -> Locator:
    return page.get_by_role("region", name=table).get_by_role("row").filter(has_text=text)


def expect_counts(page: Page, collection: str, *counts: str) -> None:
    """Images, waiting, done, failed: once they are so."""
    cells = row(page, "Collections", collection).get_by_role("cell")
    for place, count in enumerate(counts, start=2):
        expect(cells.nth(place)).to_have_text(count)


def test_backlog_collections_and_workers_are_shown(open_page: Open, house: House) -> None:
    house.add(leaves(3), collection="counted")
    page = open_page("?view=queue&collection=counted")
    expect_counts(page, "counted", "3", "0", "3", "0")
    expect(row(page, "Collections", "counted")).to_contain_text("fake")
    expect(row(page, "Workers", "batches of 8")).to_contain_text("for tests only")
    figures = page.locator(".figure")
    expect(figures.filter(has_text="Workers")).to_contain_text("1")


def test_a_failure_is_shown_with_its_reason_and_succeeds_when_tried_again(
    open_page: Open, house: House, absent: FileHost
) -> None:
    url = f"{absent.address}/late.jpg"
    house.client.wait([house.client.add(url, collection="late")])
    page = open_page("?view=queue&collection=late")
    expect(row(page, "Failures", "late.jpg")).to_contain_text("ImageNotFound")
    page.get_by_role("button", name="Try late.jpg again").click()
    expect(page.get_by_text("1 job queued again.")).to_be_visible()
    expect(page.get_by_text("Nothing failed in this collection.")).to_be_visible()
    expect_counts(page, "late", "1", "0", "1", "0")


def test_an_older_api_is_told_in_words(open_page: Open, house: House) -> None:
    house.client.wait([house.client.add(b"no picture", collection="outdated")])
    page = open_page()
    missing = {"type": "about:blank", "title": "Not Found", "detail": "Not Found"}
    page.route("**/v1/failures?*", lambda route: route.fulfill(status=404, json=missing))
    page.goto("/?view=queue&collection=outdated")
    alert = page.get_by_role("alert").filter(has_text="v1/failures: Not Found.")
    expect(alert).to_be_visible()
    expect_counts(page, "outdated", "1", "0", "0", "1")


def test_all_that_failed_for_a_reason_is_tried_again(open_page: Open, house: House) -> None:
    torn = [f"no picture {i}".encode() for i in range(3)]
    house.client.wait(list(house.client.add_many(torn, collection="torn")))
    page = open_page("?view=queue&collection=torn")
    reasons = page.get_by_role("list", name="Reasons")
    expect(reasons).to_contain_text("ImageUnreadable 3")
    page.get_by_role("button", name="Try all again that failed as ImageUnreadable").click()
    expect(page.get_by_text("3 jobs queued again.")).to_be_visible()
    # They are no better than before.
    expect(reasons).to_contain_text("ImageUnreadable 3")


def test_failures_are_shown_page_by_page_and_discarded(open_page: Open, house: House) -> None:
    torn = [f"no picture {i}".encode() for i in range(52)]
    house.client.wait(list(house.client.add_many(torn, collection="many")))
    page = open_page("?view=queue&collection=many")
    rows = page.get_by_role("region", name="Failures").locator("tbody tr")
    expect(rows).to_have_count(50)
    page.get_by_role("button", name="Show more failures").click()
    expect(rows).to_have_count(52)
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Discard all that failed as ImageUnreadable").click()
    expect(page.get_by_text("52 jobs discarded.")).to_be_visible()
    expect(page.get_by_text("Nothing failed in this collection.")).to_be_visible()
    assert house.client.catalogue.collection("many").n_images == 52


def test_a_collection_is_paused_and_resumed(open_page: Open, house: House) -> None:
    house.client.operator.configure("held")
    page = open_page("?view=queue&collection=held")
    page.get_by_role("button", name="Pause held").click()
    expect(row(page, "Collections", "held")).to_contain_text("paused: bulk")
    assert house.client.catalogue.collection("held").paused == "bulk"
    page.get_by_role("button", name="Resume held").click()
    expect(row(page, "Collections", "held")).not_to_contain_text("paused")
