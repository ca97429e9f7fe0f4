"""Search on the page: a picture in, neighbours out, and on from there."""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.house import House
from tests.browser.pictures import Picture, leaves

COLLECTION = "searched"

# As a reader's clipboard brings a picture.
PASTE = """(data) => {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    const clipboardData = new DataTransfer();
    clipboardData.items.add(new File([bytes], "clip.jpg", { type: "image/jpeg" }));
    document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
}"""
DROP = """(data) => {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([bytes], "drop.jpg", { type: "image/jpeg" }));
    document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true }));
}"""


@pytest.fixture(scope="module")
def stored(house: House) -> list[Picture]:
    """Six green pictures and six red ones, embedded."""
    pictures = [*leaves(6), *leaves(6, hue=0.02, colour="red")]
    house.add(pictures, collection=COLLECTION)
    return pictures


@pytest.fixture
def asked(house: House, stored: list[Picture]) -> str:
    """The address of the search by the first of them."""
    first = house.client.add(stored[0].data, collection=COLLECTION)
    return f"?collection={COLLECTION}&image={first.image_id}"


def neighbours(page: Page) -> list[str]:
    expect(page.get_by_role("region", name="Neighbours")).to_have_attribute("aria-busy", "false")
    return page.locator(".answer .tile-name").all_inner_texts()


def choose(page: Page, picture: Picture, folder: Path) -> None:
    path = folder / picture.name
    path.write_bytes(picture.data)
    page.get_by_label("Choose a picture").set_input_files(path)
    expect(page.locator(".answer .tile").first).to_be_visible()


def test_a_chosen_picture_finds_its_neighbours_with_distances(
    open_page: Open, stored: list[Picture], files: Path
) -> None:
    page = open_page(f"?collection={COLLECTION}&k=6")
    choose(page, stored[2], files)
    found = neighbours(page)
    assert found[0] == "green-2.jpg"
    assert {name.split("-")[0] for name in found} == {"green"}
    expect(page.locator(".answer .tile-distance").first).to_have_text("0")
    expect(page.locator(".answer .tile img").first).to_be_visible()
    expect(page.get_by_alt_text("The picture asked by")).to_be_visible()


@pytest.mark.parametrize("script", [PASTE, DROP], ids=["pasted", "dropped"])
def test_a_pasted_or_dropped_picture_is_the_question(
    open_page: Open, stored: list[Picture], script: str
) -> None:
    page = open_page(f"?collection={COLLECTION}&k=3")
    page.evaluate(script, base64.b64encode(stored[7].data).decode())
    expect(page.locator(".answer .tile")).to_have_count(3)
    assert neighbours(page)[0] == "red-1.jpg"


def test_one_goes_on_from_a_neighbour_and_back_again(open_page: Open, asked: str) -> None:
    page = open_page(f"{asked}&k=4")
    expect(page.locator(".asked-name")).to_have_text("green-0.jpg")
    first = neighbours(page)
    page.set_viewport_size({"width": 360, "height": 400})
    page.locator(".answer .tile").last.click()
    expect(page.locator(".asked-name")).to_have_text(first[-1])
    assert neighbours(page) != first
    assert page.evaluate("scrollY") == 0
    page.go_back()
    expect(page.locator(".asked-name")).to_have_text("green-0.jpg")
    assert neighbours(page) == first


def test_whoever_has_no_picture_begins_with_a_stored_one(
    open_page: Open, stored: list[Picture]
) -> None:
    page = open_page(f"?collection={COLLECTION}")
    page.get_by_role("region", name="Images to begin with").get_by_role(
        "link", name="red-1.jpg"
    ).click()
    expect(page.locator(".asked-name")).to_have_text("red-1.jpg")
    assert neighbours(page)[0].startswith("red-")


def test_a_link_says_what_is_shown(open_page: Open, asked: str) -> None:
    page = open_page(f"{asked}&k=4")
    page.get_by_role("textbox", name="Metadata").fill("colour=red")
    page.get_by_role("textbox", name="Metadata").press("Enter")
    expect(page.get_by_text("4 neighbours in")).to_be_visible()
    expect(page.locator(".answer .tile-name").first).to_contain_text("red-")
    words = parse_qs(urlsplit(page.url).query)
    assert words["filter"] == ["colour=red"]
    again = open_page(f"?{urlsplit(page.url).query}")
    assert neighbours(again) == neighbours(page)


def test_sliders_narrow_the_answer(open_page: Open, asked: str) -> None:
    page = open_page(asked)
    expect(page.locator(".answer .tile")).to_have_count(11)
    page.get_by_role("slider", name="Neighbours").fill("2")
    expect(page.locator(".answer .tile")).to_have_count(2)
    expect(page.locator("#k")).to_have_attribute("aria-valuetext", "2")


def test_a_picture_is_embedded_once_however_the_sliders_move(
    open_page: Open, stored: list[Picture], files: Path
) -> None:
    page = open_page(f"?collection={COLLECTION}")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    choose(page, stored[1], files)
    expect(page.locator(".answer .tile")).to_have_count(12)
    for n in (3, 5):
        page.get_by_role("slider", name="Neighbours").fill(str(n))
        expect(page.locator(".answer .tile")).to_have_count(n)
    assert len([url for url in asked if url.endswith("/v1/search")]) == 1


def test_a_predicate_is_jsonpath_and_a_wrong_one_is_explained(open_page: Open, asked: str) -> None:
    page = open_page(asked)
    predicate = page.get_by_label("Predicate")
    predicate.fill("$.number < 2")
    predicate.press("Enter")
    expect(page.locator(".answer .tile")).to_have_count(3)
    predicate.fill("$.number <")
    predicate.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("FilterInvalid")


def test_identical_images_are_shown_as_duplicates(open_page: Open, house: House) -> None:
    (picture,) = leaves(1, hue=0.7, colour="violet")
    house.add([picture], collection="twins")
    (job,) = house.client.wait([house.client.add(picture.data, collection="twins-too")])
    page = open_page(f"?collection=twins&image={job.image_id}")
    duplicates = page.get_by_role("region", name="Duplicates")
    expect(duplicates.locator(".tile-name")).to_have_text("violet-0.jpg")
    expect(duplicates.locator(".tile-distance")).to_contain_text("identical")


def test_a_problem_is_shown_in_its_own_words(open_page: Open, files: Path, house: House) -> None:
    page = open_page(f"?collection={COLLECTION}")
    path = files / "torn.jpg"
    path.write_bytes(b"no picture at all")
    page.get_by_label("Choose a picture").set_input_files(path)
    expect(page.get_by_role("alert")).to_contain_text("ImageUnreadable")
    page.goto(f"/?collection={COLLECTION}&image=999999")
    expect(page.get_by_role("alert")).to_contain_text("image 999999 has no features")


def test_an_api_that_was_away_is_asked_again(open_page: Open, asked: str) -> None:
    page = open_page("?view=add")
    away = {"title": "StoreUnavailable", "detail": "Postgres is away.", "status": 503}
    page.route("**/v1/**", lambda route: route.fulfill(status=503, json=away))
    page.goto(f"/{asked}")
    expect(page.get_by_role("alert")).to_contain_text("Postgres is away.")
    page.unroute("**/v1/**")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".answer .tile").first).to_be_visible()
    expect(page.locator(".problem")).to_be_empty()


def test_which_encoder_answers_is_said_with_what_it_is_worth(
    open_page: Open, stored: list[Picture]
) -> None:
    page = open_page(f"?collection={COLLECTION}")
    expect(page.locator("#encoder")).to_have_text("fake")
    expect(page.locator("#warnings")).to_contain_text("untrained weights")
