"""Adding images on the page: files, a folder and URLs, each with its outcome."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.house import House
from tests.browser.pictures import leaves


def outcome(page: Page, name: str) -> str:
    """How an image that was added ended, once it has."""
    row = page.locator(".outcome").filter(has_text=name)
    ended = row.locator('[data-state="done"], [data-state="failed"], [data-state="refused"]')
    expect(ended).to_have_count(1)
    return row.inner_text()


def test_a_folder_is_added_with_progress_and_an_outcome_for_each_image(
    open_page: Open, house: House, files: Path
) -> None:
    (files / "deep").mkdir()
    for picture in leaves(5):
        (files / "deep" / picture.name).write_bytes(picture.data)
    (files / "torn.jpg").write_bytes(b"no picture at all")
    (files / "notes.txt").write_text("no picture by its name")
    page = open_page("?view=add&collection=folder")
    page.get_by_role("textbox", name="Metadata").fill("season=autumn")
    page.get_by_label("Choose a folder").set_input_files(files)
    expect(page.get_by_text("5 of 6 images embedded, 1 failed")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_have_js_property("value", 6)
    expect(page.get_by_role("alert")).to_contain_text("1 file")
    assert "ImageUnreadable" in outcome(page, "files/torn.jpg")
    assert "done" in outcome(page, "files/deep/green-0.jpg")
    found = house.client.search(leaves(1)[0].data, collection="folder", k=1)
    metadata = {"season": "autumn", "path": "files/deep/green-0.jpg", "name": "green-0.jpg"}
    assert found[0].metadata == metadata


def test_one_goes_from_an_added_image_to_its_neighbours(open_page: Open, files: Path) -> None:
    page = open_page("?view=add&collection=files")
    for picture in leaves(2):
        (files / picture.name).write_bytes(picture.data)
    page.get_by_label("Choose files").set_input_files(sorted(files.iterdir()))
    page.get_by_role("link", name="Neighbours of green-1.jpg").click()
    expect(page.locator(".asked-name")).to_have_text("green-1.jpg")
    expect(page.locator(".answer .tile-name")).to_have_text("green-0.jpg")


def test_urls_are_added_one_a_line_and_a_refused_one_says_why(open_page: Open) -> None:
    page = open_page("?view=add&collection=urls")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    page.get_by_label("URLs, one a line").fill(
        "http://10.0.0.1/private.jpg\nfile:///etc/passwd\n\n  ftp://example.org/a.jpg  "
    )
    page.get_by_role("button", name="Add these URLs").click()
    assert "ReferenceForbidden" in outcome(page, "file:///etc/passwd")
    assert "ReferenceInvalid" in outcome(page, "ftp://example.org/a.jpg")
    assert "ReferenceForbidden" in outcome(page, "http://10.0.0.1/private.jpg")
    assert len([url for url in sent if "/v1/images" in url]) == 1


def test_an_image_that_was_erased_meanwhile_hides_no_other(
    open_page: Open, house: House, files: Path
) -> None:
    house.client.operator.configure("erased", paused="all")
    for picture in leaves(2):
        (files / picture.name).write_bytes(picture.data)
    page = open_page("?view=add&collection=erased")
    page.get_by_label("Choose files").set_input_files(sorted(files.iterdir()))
    expect(page.get_by_text("2 in the queue")).to_be_visible()
    first, _ = house.client.catalogue.images("erased").images
    house.client.operator.erase_images([first.image_id])
    expect(page.get_by_text("Its job is gone")).to_be_visible()
    house.client.operator.resume("erased")
    expect(page.get_by_text("1 of 2 images embedded, 1 failed")).to_be_visible()


def test_adding_again_says_that_it_was_there(open_page: Open, house: House, files: Path) -> None:
    (picture,) = leaves(1)
    house.add([picture], collection="again")
    (files / picture.name).write_bytes(picture.data)
    page = open_page("?view=add&collection=again")
    page.get_by_label("Choose files").set_input_files(files / picture.name)
    assert "was there already" in outcome(page, picture.name)
