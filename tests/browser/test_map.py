"""The map on the page: asked for, looked at from near and far, and a way to neighbours."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.house import House
from tests.browser.pictures import leaves

COLLECTION = "mapped"
MARGIN_PX = 36  # as the page's camera has it
# Dots and pictures are drawn into the canvas: it has more than one colour.
IS_DRAWN = """(canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return data.some((value) => value > 0);
}"""


@pytest.fixture(scope="module")
def mapped(house: House) -> str:
    """The address of the map of some green images and some red ones."""
    house.add([*leaves(4), *leaves(4, hue=0.02, colour="red")], collection=COLLECTION)
    house.client.operator.make_map(COLLECTION)
    return f"?view=map&collection={COLLECTION}"


def shown(page: Page, n_images: int) -> None:
    expect(page.locator(".around .tile")).to_have_count(n_images)
    canvas = page.get_by_role("application", name="Map")
    page.wait_for_function(IS_DRAWN, arg=canvas.element_handle())


Places = list[tuple[int, int]]


def touching(page: Page) -> Callable[[Places, Places], None]:
    """Moves fingers over the map from some places to others, in pixels from its middle."""
    devtools = page.context.new_cdp_session(page)
    box = page.get_by_role("application", name="Map").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def dispatch(kind: str, places: Places) -> None:
        points = [
            {"id": i, "x": x + right, "y": y + down} for i, (right, down) in enumerate(places)
        ]
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def touch(start: Places, end: Places) -> None:
        dispatch("touchStart", start)
        dispatch("touchMove", end)
        dispatch("touchEnd", [])

    return touch


def test_a_map_is_asked_for_and_shown_once_it_is_there(open_page: Open, house: House) -> None:
    house.add(leaves(3), collection="unmapped")
    page = open_page("?view=map&collection=unmapped")
    expect(page.get_by_text("There is no map of this collection yet.")).to_be_visible()
    page.get_by_role("button", name="Make a map").click()
    expect(page.get_by_role("progressbar", name="A map is being made")).to_be_visible()
    house.make_maps()
    expect(page.get_by_text("All 3 images by fake, made")).to_be_visible()
    expect(page.get_by_role("progressbar", name="A map is being made")).to_be_hidden()
    expect(page.get_by_role("button", name="Make it anew")).to_be_visible()
    shown(page, 3)


def test_a_map_says_that_it_is_older_than_its_collection(open_page: Open, house: House) -> None:
    first, *late = leaves(4)
    house.add([first], collection="grown")
    house.client.operator.make_map("grown")
    house.add(late, collection="grown")
    page = open_page("?view=map&collection=grown")
    older = re.compile(r"^1 of 4 images by fake, made .* ago; 3 were added since\.")
    expect(page.get_by_text(older)).to_be_visible()
    expect(page.get_by_role("application", name="Map")).to_have_accessible_description(older)


def test_the_keyboard_leads_to_neighbours_and_the_back_button_to_the_same_place(
    open_page: Open, mapped: str
) -> None:
    page = open_page(mapped)
    shown(page, 8)
    page.get_by_role("button", name="Zoom in").click()
    expect(page).to_have_url(re.compile("at=[^&]*%2C2.0"))
    page.get_by_role("application", name="Map").focus()
    page.keyboard.press("0")
    expect(page).to_have_url(re.compile("at=[^&]*%2C1.0"))
    shown(page, 8)
    middle = page.locator(".around .tile-name").first.inner_text()
    page.keyboard.press("Enter")
    expect(page.locator(".asked-name")).to_have_text(middle)
    page.go_back()
    expect(page).to_have_url(re.compile("at=[^&]*%2C1.0"))
    shown(page, 8)


def test_a_click_on_an_image_goes_on_from_it(open_page: Open, house: House, mapped: str) -> None:
    page = open_page(mapped)
    shown(page, 8)
    points = house.client.catalogue.map_points(COLLECTION)
    last = max(points, key=lambda point: point.x)
    box = page.get_by_role("application", name="Map").bounding_box()
    assert box is not None
    xs, ys = [point.x for point in points], [point.y for point in points]
    wide, high = box["width"] - 2 * MARGIN_PX, box["height"] - 2 * MARGIN_PX
    unit = min(wide / (max(xs) - min(xs)), high / (max(ys) - min(ys)))
    right = (last.x - (min(xs) + max(xs)) / 2) * unit
    down = (last.y - (min(ys) + max(ys)) / 2) * unit
    page.mouse.click(
        box["x"] + box["width"] / 2 + right,
        box["y"] + box["height"] / 2 + down,
    )
    expect(page.locator(".asked-name")).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?image=\d+"))


def test_two_fingers_pinch_and_one_drags(open_page: Open, mapped: str) -> None:
    page = open_page(mapped, has_touch=True)
    shown(page, 8)
    touch = touching(page)
    touch([(-40, 0), (40, 0)], [(-120, 0), (120, 0)])
    expect(page).to_have_url(re.compile("at=[^&]*%2C3.0"))
    near = page.url
    touch([(60, 0)], [(0, 60)])
    expect(page).not_to_have_url(near)
    expect(page).to_have_url(re.compile("at=[^&]*%2C3.0"))
    touch([(0, -120), (0, 120)], [(0, -60), (0, 60)])
    expect(page).to_have_url(re.compile("at=[^&]*%2C1.5"))
    # The page itself stays as it is, and no image was chosen.
    assert page.evaluate("visualViewport.scale") == 1
    expect(page).to_have_url(re.compile("view=map"))


def test_the_wheel_zooms_and_a_drag_moves(open_page: Open, mapped: str) -> None:
    page = open_page(mapped)
    shown(page, 8)
    page.get_by_role("application", name="Map").hover()
    page.mouse.wheel(0, -300)
    expect(page).to_have_url(re.compile("at="))
    before = page.url
    page.mouse.down()
    page.mouse.move(200, 300, steps=3)
    page.mouse.up()
    expect(page).not_to_have_url(before)
    expect(page).to_have_url(re.compile("view=map"))
