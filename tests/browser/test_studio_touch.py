"""The editor under a thumb: scrolling the page moves no slider, and what was moved is in sight."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE, Contribution, Window


def swipe(page: Any, locator: Any, *, at: float, across: float = 0.0, down: float = 0.0) -> None:
    """A finger lands on `locator` (`at` 0: its left end, 1: its right one) and goes that many CSS pixels."""
    locator.evaluate("(element) => element.scrollIntoView({ block: 'center' })")
    box = locator.bounding_box()
    x, y = box["x"] + at * box["width"], box["y"] + box["height"] / 2
    session = page.context.new_cdp_session(page)

    def send(kind: str, points: list[dict[str, float]]) -> None:
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    send("touchStart", [{"x": x, "y": y}])
    for step in range(1, 11):
        send("touchMove", [{"x": x + across * step / 10, "y": y + down * step / 10}])
        page.wait_for_timeout(16)
    send("touchEnd", [])
    session.detach()


def studio(
    window: Callable[..., Window], contributed: Contribution, screen: dict[str, Any] = PHONE
) -> tuple[Window, Any, list[str]]:
    """A sample face on a phone, a slider, and the steps that are asked of the server from now on."""
    browser = window(storage_state=contributed.session, **screen)
    page = browser.page
    browser.goto("/studio/")
    page.locator("#samples ~ ul a").first.click()
    own = page.locator("fieldset", has_text="My own pairs").locator("input[type=range]").first
    expect(own).to_have_value("0")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)
    return browser, own, asked


def test_a_swipe_that_scrolls_moves_no_slider(
    window: Callable[..., Window], contributed: Contribution
) -> None:
    browser, own, asked = studio(window, contributed)
    page = browser.page
    page.evaluate(
        """() => {
          window.seen = [];
          for (const kind of ["input", "pointercancel"])
            document.addEventListener(kind, (event) => window.seen.push(kind), true);
        }"""
    )
    address = page.url
    swipe(page, own, at=0.8, down=-150)
    assert page.evaluate("window.seen") == ["input", "pointercancel"]  # the finger did move it, and scroll
    expect(own).to_have_value("0")
    expect(page.locator("output").first).to_have_text("0")
    wipe = page.get_by_label("Wipe: how much of the original")
    swipe(page, wipe, at=0.6, down=-150)
    expect(wipe).to_have_value("0")
    expect(page.locator("[data-wipe-line]")).to_be_hidden()
    page.wait_for_timeout(500)  # longer than the address waits before it follows
    assert page.url == address
    assert not asked

    # A finger that goes sideways drags, and one that only taps sets: both count.
    swipe(page, own, at=0.5, across=60)
    assert float(own.input_value()) > 0.1
    page.wait_for_url(lambda url: "pair:" in url)
    page.get_by_role("button", name="Reset all").click()
    expect(own).to_have_value("0")
    page.wait_for_url(address)
    swipe(page, own, at=0.8)
    assert float(own.input_value()) > 0.1
    page.wait_for_url(lambda url: "pair:" in url)
    browser.calm()


def test_what_a_link_moved_is_named_in_sight_and_found(
    window: Callable[..., Window], contributed: Contribution
) -> None:
    browser, own, _ = studio(window, contributed)
    page = browser.page
    chips = page.get_by_role("list", name="Moved sliders").get_by_role("listitem")
    expect(chips).to_have_count(0)
    page.goto(f"{page.url}?{own.get_attribute('name')}=1")
    expect(own).to_have_value("1")
    expect(chips).to_have_count(1)
    expect(chips).to_contain_text("+1.0")
    expect(chips).to_be_in_viewport(ratio=1)
    assert page.evaluate("scrollY") == 0

    chips.get_by_role("link").click()
    expect(own).to_be_focused()
    expect(own).to_be_in_viewport(ratio=1)
    assert page.evaluate("location.hash") == ""
    page.keyboard.press("ArrowLeft")
    expect(chips).to_contain_text("+0.9")
    chips.get_by_role("button", name="Reset").click()
    expect(own).to_have_value("0")
    expect(chips).to_have_count(0)
    expect(page.get_by_role("heading", name="Sliders")).to_be_focused()
    browser.calm()


@pytest.mark.parametrize(("width", "height"), [(390, 844), (667, 375), (844, 390), (1280, 600)])
def test_picture_and_slider_are_in_sight_together_and_stay(
    window: Callable[..., Window], contributed: Contribution, width: int, height: int
) -> None:
    screen = {**PHONE, "viewport": {"width": width, "height": height}}
    browser, _, _ = studio(window, contributed, screen)
    page = browser.page
    last = page.locator("input[data-kind]").last
    last.focus()
    for part in (page.locator(".canvas"), page.locator(".canvas-tools"), last):
        expect(part).to_be_in_viewport(ratio=1)
    place = last.bounding_box()
    assert page.locator(".nav").bounding_box()["y"] > place["y"] + place["height"] or width > 736
    page.route("**/preview/", lambda route: route.abort())
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text("No connection.")).to_be_in_viewport(ratio=1)
    assert last.bounding_box() == place
