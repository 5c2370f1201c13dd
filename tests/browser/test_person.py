"""The person of the whole story, at desktop and phone width: from signing up to the download.

The changes contributed here are of attributes that the demonstration does not contain.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.conftest import (
    COUNTED,
    DESKTOP,
    DONE,
    PASSWORD,
    PHONE,
    Contribution,
    Window,
    sign_up,
)


def loaded(page: Any, locator: Any) -> None:
    """The pictures are there in fact, not only their elements."""
    for image in locator.all():
        image.scroll_into_view_if_needed()
        handle = image.element_handle()
        page.wait_for_function("(image) => image.complete && image.naturalWidth > 0", arg=handle)


def pixels(window: Window) -> np.ndarray[Any, Any]:
    """What the editor shows, as the browser decoded it."""
    data = window.page.locator("[data-after]").evaluate(
        """async (image) => {
          await image.decode();
          const canvas = document.createElement("canvas");
          canvas.width = image.naturalWidth;
          canvas.height = image.naturalHeight;
          canvas.getContext("2d").drawImage(image, 0, 0);
          return [...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data];
        }"""
    )
    return np.array(data, dtype=np.float64)


def shows_edit(window: Window) -> None:
    expect(window.page.locator("[data-after]")).to_have_attribute("src", re.compile("^blob:"))


@pytest.mark.parametrize(
    ("screen", "change", "attribute"),
    [(DESKTOP, "earrings", "earrings"), (PHONE, "full moustache", "moustache")],
    ids=["desktop", "phone"],
)
def test_a_person_from_sign_up_to_download(
    window: Callable[..., Window],
    portrait: Callable[..., Path],
    screen: dict[str, Any],
    change: str,
    attribute: str,
) -> None:
    browser = window(**screen)
    page = browser.page

    # Sign up on the way to contributing: it goes on where it was interrupted.
    browser.goto("/")
    page.get_by_role("main").get_by_role("link", name="Contribute a pair").first.click()
    page.get_by_role("link", name="Make an account").click()
    sign_up(browser)
    page.wait_for_url("**/contribute/")

    # Contribute.
    page.get_by_label("Before", exact=True).set_input_files(portrait("before.png", 71, **{attribute: 0.0}))
    page.get_by_label("After", exact=True).set_input_files(portrait("after.png", 71, **{attribute: 1.0}))
    expect(page.get_by_role("img", name="Before: 71-before.png")).to_be_visible()
    page.get_by_label("The change, in a word or two").fill(change)
    page.get_by_role("button", name="Contribute this pair").click()

    # Follow it to the result, on one page that is never reloaded.
    page.wait_for_url("**/contributions/*/")
    address = page.url
    page.evaluate("window.neverReloaded = true")
    expect(page.get_by_role("heading", level=1, name=change)).to_be_visible()
    expect(page.get_by_role("link", name="Use it in the studio now")).to_be_visible(timeout=DONE)
    assert page.evaluate("window.neverReloaded")
    expect(page.locator("[data-announcer]")).to_have_text(re.compile("ready|part of version"))
    expect(page.get_by_text(COUNTED)).to_be_visible(timeout=DONE)
    loaded(page, page.locator("#contribution img:visible"))
    assert page.locator("#contribution .quad img").count() == 4  # both pictures and both reconstructions
    expect(page.get_by_text(re.compile("a (close|fair|rough) copy", re.I)).first).to_be_visible()
    assert page.locator("#contribution .strip-picture").count() == 3

    # Use it on another face, at once.
    page.get_by_role("link", name="Use it in the studio now").click()
    page.locator("#samples ~ ul a").first.click()
    own = page.locator("fieldset", has_text="My own pairs").locator("input[type=range]")
    expect(own).to_have_value("1")
    loaded(page, page.locator("[data-after]"))
    placed = pixels(browser)
    own.focus()
    page.keyboard.press("Home")
    shows_edit(browser)
    opposite = pixels(browser)
    assert np.abs(placed - opposite).mean() > 1.0
    page.keyboard.press("0")
    expect(own).to_have_value("0")
    expect(page.locator("[data-after]")).to_have_attribute("src", re.compile("/media/"))
    page.keyboard.press("End")
    shows_edit(browser)
    expect(own).to_have_value("1.5")
    shown = pixels(browser)
    assert np.abs(shown - opposite).mean() > 1.0

    # Take the picture and its recipe.
    with page.expect_download() as download:
        page.get_by_role("button", name="Download picture").click()
    picture = Image.open(io.BytesIO(Path(download.value.path()).read_bytes()))
    assert picture.format == "PNG"
    assert download.value.suggested_filename.endswith("-edited.png")
    assert np.abs(np.asarray(picture.convert("RGBA"), dtype=np.float64).ravel() - shown).mean() < 4.0
    with page.expect_download() as download:
        page.get_by_role("button", name="Recipe").click()
    recipe = json.loads(Path(download.value.path()).read_text())
    assert [(step["kind"], step["intensity"]) for step in recipe["steps"]] == [("pair", 1.5)]

    # Find it in the catalog, and take the direction.
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Catalog").click()
    page.get_by_role("searchbox").fill(change[:-1])
    card = page.locator("#results li", has=page.get_by_role("link", name=change, exact=False))
    expect(card).to_have_count(1)
    expect(page).to_have_url(re.compile(r"\?q="))
    # without this the list sometimes went from under the click
    expect(page.locator("#results")).to_contain_text("1 change like")
    card.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1, name=change)).to_be_visible()
    loaded(page, page.locator("main .strip img:visible"))
    with page.expect_download() as download:
        page.get_by_role("link", name="safetensors").click()
    assert b'"vector"' in Path(download.value.path()).read_bytes()[:4000]

    # It is on my page; sign out, and it is nobody's to see.
    page.goto(f"{browser.url}/me/")
    expect(page.get_by_role("link", name=change)).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    browser.calm()
    page.goto(address)
    expect(page).to_have_url(re.compile("/accounts/login/"))


def test_an_expired_session_and_a_dead_network_lose_nothing(
    window: Callable[..., Window], portrait: Callable[..., Path]
) -> None:
    browser = window(**DESKTOP)
    page = browser.page
    browser.goto("/accounts/signup/?next=/contribute/")
    name = sign_up(browser)
    page.wait_for_url("**/contribute/")
    page.get_by_label("Before", exact=True).set_input_files(portrait("before.png", 72, nose_size=0.0))
    page.get_by_label("After", exact=True).set_input_files(portrait("after.png", 72, nose_size=1.0))
    page.get_by_label("The change, in a word or two").fill("bigger nose")
    send = page.get_by_role("button", name="Contribute this pair")

    browser.context.set_offline(True)
    send.click()
    expect(page.get_by_role("alert").get_by_text("The connection broke")).to_be_visible()
    browser.context.set_offline(False)

    browser.context.clear_cookies(name="sessionid")
    send.click()
    expect(page.get_by_role("alert").get_by_text("Your session has ended")).to_be_visible()
    with browser.context.expect_page() as opened:
        page.get_by_role("link", name="Sign in (new tab)").click()
    other = opened.value
    other.get_by_label("Username or e-mail").fill(name)
    other.get_by_label("Password", exact=True).fill(PASSWORD)
    other.get_by_role("main").get_by_role("button", name="Sign in").click()
    other.wait_for_url(f"{browser.url}/")

    expect(page.get_by_label("The change, in a word or two")).to_have_value("bigger nose")
    send.click()
    # Both pictures and the word arrived. How far the machine is by now is not this test's business.
    page.wait_for_url("**/contributions/*/")
    expect(page.get_by_role("heading", level=1, name="bigger nose")).to_be_visible()
    loaded(page, page.locator("#contribution img"))
    assert page.locator("#contribution img").count() >= 2


def test_a_look_that_fails_is_not_the_last(window: Callable[..., Window]) -> None:
    browser = window(**DESKTOP)
    page = browser.page
    browser.goto("/accounts/signup/?next=/contribute/")
    sign_up(browser)
    page.wait_for_url("**/contribute/")
    page.get_by_role("button", name="Take the pair “wider face”").click()
    expect(page.get_by_role("img", name="After: wide-face-after.png")).to_be_visible()
    page.route("**/progress/**", lambda route: route.abort())
    page.get_by_role("button", name="Contribute this pair").click()
    page.wait_for_url("**/contributions/*/")
    expect(page.get_by_text("No answer just now")).to_be_visible()
    page.unroute("**/progress/**")
    expect(page.get_by_role("link", name="Use it in the studio now")).to_be_visible(timeout=DONE)


def test_without_scripts_it_works_too(window: Callable[..., Window]) -> None:
    browser = window(java_script_enabled=False, **DESKTOP)
    page = browser.page
    browser.goto("/accounts/signup/?next=/contribute/")
    sign_up(browser)
    page.wait_for_url("**/contribute/")
    page.get_by_role("button", name="Take the pair “earrings”").click()
    page.wait_for_url("**/contributions/*/")
    # The page looks again by itself: nobody presses anything.
    expect(page.get_by_role("link", name="Use it in the studio now")).to_be_visible(timeout=DONE)
    page.get_by_role("link", name="Use it in the studio now").click()
    page.locator("#samples ~ ul a").first.click()
    page.locator("input[type=range]").first.focus()
    page.keyboard.press("Home")
    page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(re.compile("pair(:|%3A)"))
    assert page.locator("[data-after]").get_attribute("src").startswith("/studio/")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download picture").click()
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")


def test_sliders_by_keyboard_and_a_warning_outside_the_domain(
    window: Callable[..., Window], contributed: Contribution
) -> None:
    browser = window(storage_state=contributed.session, **DESKTOP)
    page = browser.page
    browser.goto("/studio/")
    page.locator("#samples ~ ul a").first.click()
    own = page.locator("fieldset", has_text="My own pairs").locator("input[type=range]")
    warning = page.get_by_text("Further than this generator draws well")
    own.focus()
    for key, value in (("PageUp", "0.5"), ("ArrowRight", "0.6"), ("PageDown", "0.1"), ("Home", "-1.5")):
        page.keyboard.press(key)
        expect(own).to_have_value(value)
    page.keyboard.press("0")
    expect(own).to_have_value("0")
    expect(warning).to_be_hidden()

    # The verdict is the server's; what is asked and what is said are the page's.
    asked: list[Any] = []

    def judged(route: Any) -> None:
        asked.append(route.request.post_data_json["steps"])
        route.fulfill(json={"outside": len(asked) == 1})

    page.route("**/domain/", judged)
    page.keyboard.press("End")
    expect(warning).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(warning).to_be_hidden()
    assert [steps[0]["intensity"] for steps in asked] == [1.5, 1.4]
    browser.calm()


def test_suggestions_by_keyboard(window: Callable[..., Window], contributed: Contribution) -> None:
    browser = window(storage_state=contributed.session, **DESKTOP)
    page = browser.page
    browser.goto("/contribute/")
    field = page.get_by_role("combobox", name="The change, in a word or two")
    field.press_sequentially(contributed.change[:3])
    expect(page.get_by_role("option", name=contributed.change)).to_be_visible()
    expect(field).to_have_attribute("aria-expanded", "true")
    field.press("ArrowDown")
    marked = page.locator(f"#{field.get_attribute('aria-activedescendant')}")
    expect(marked).to_have_text(contributed.change)
    field.press("Enter")
    expect(field).to_have_value(contributed.change)
    expect(field).to_have_attribute("aria-expanded", "false")
    browser.calm()


def test_colours_are_chosen_and_remembered(window: Callable[..., Window]) -> None:
    browser = window(**DESKTOP, color_scheme="light")
    page = browser.page
    browser.goto("/about/")

    def wall() -> str:
        return str(page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))

    light = wall()
    toggle = page.get_by_role("button", name="Colours")
    toggle.click()
    assert wall() == light
    toggle.click()
    expect(page.get_by_role("button", name="Colours: dark")).to_be_visible()
    dark = wall()
    assert dark != light
    page.reload()
    assert wall() == dark
    page.get_by_role("button", name="Colours: dark").click()
    page.reload()
    assert wall() == light
    browser.calm()
