"""Discover in a browser: name what the machine found, agree, find it in the catalog and in the studio."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESKTOP, DONE, PHONE, Window, sign_up


@pytest.fixture
def found(live_site: Any, until: Callable[..., float]) -> str:
    """The site has drawn what it looks for in the background; the address of the page."""
    import json
    from urllib.request import urlopen

    def drawn() -> bool:
        with urlopen(f"{live_site.url}/api/v1/components/?page_size=1") as answer:
            return int(json.load(answer)["count"]) >= 4

    until(drawn, DONE / 1000, "four components to be drawn")
    return "/discover/"


def joined(window: Callable[..., Window], address: str, **options: Any) -> Window:
    """Somebody who came to that page and made an account on the way."""
    browser = window(**options)
    browser.goto(address)
    browser.page.get_by_role("link", name="Sign in to name it").first.click()
    browser.page.get_by_role("link", name="Make an account").click()
    sign_up(browser)
    browser.page.wait_for_url("**/discover/**")
    return browser


@pytest.mark.parametrize(
    ("screen", "at", "change"),
    [(DESKTOP, 0, "another wall"), (PHONE, 1, "wider head")],
    ids=["desktop", "phone"],
)
def test_two_people_name_what_nobody_showed(
    window: Callable[..., Window], found: str, screen: dict[str, Any], at: int, change: str
) -> None:
    first = joined(window, found, **screen)
    page = first.page
    card = page.locator("article.found").nth(at)
    name = card.get_attribute("id")
    card = page.locator(f"[id='{name}']")
    page.evaluate("window.neverReloaded = true")
    field = card.get_by_label("The change, in a word or two")
    field.focus()
    page.keyboard.type("x")
    page.keyboard.press("Enter")
    expect(card.get_by_role("alert")).to_contain_text("is no name")
    expect(field).to_have_value("x")
    field.fill(change)
    card.get_by_text("− left").click()
    card.get_by_role("button", name="Name it").click()
    expect(card.get_by_text(f"Noted: to you it is “{change}”.")).to_be_visible()
    expect(page.locator("[data-announcer]")).to_have_text(f"Noted: to you it is “{change}”.")
    expect(card.get_by_text("towards −").first).to_be_visible()
    assert page.evaluate("document.activeElement !== document.body"), "focus fell out of the page"
    card.get_by_role("button", name="Take it back").click()
    expect(card.get_by_text("Nobody has said anything yet.")).to_be_visible()
    field = card.get_by_label("The change, in a word or two")
    field.fill(change)
    card.get_by_text("− left").click()
    card.get_by_role("button", name="Name it").click()
    expect(card.get_by_text("1 person")).to_be_visible()
    assert page.evaluate("window.neverReloaded")

    second = joined(window, found, **screen)
    card = second.page.locator(f"[id='{name}']")
    field = card.get_by_label("The change, in a word or two")
    field.press_sequentially(change[:5])
    option = card.get_by_role("option", name=change)
    expect(option).to_be_visible()  # what the first one said is offered
    second.page.keyboard.press("Escape")
    card.get_by_role("button", name=f"Agree that it is {change}").click()
    expect(card.get_by_text(f"People agree: it is in the catalog as “{change}”.")).to_be_visible()
    card.get_by_role("link", name=f"In the catalog as “{change}”").click()
    expect(second.page.get_by_role("heading", level=1, name=change)).to_be_visible()
    expect(second.page.get_by_text("named by 2 people")).to_be_visible()
    second.page.get_by_role("link", name="Try it on my photo").click()
    second.page.locator("#samples ~ ul a").first.click()
    machine = second.page.locator("fieldset", has_text="Found by the machine")
    slider = machine.get_by_role("slider", name=change)
    expect(slider).to_have_value("1")
    preview = second.page.locator("[data-after]")
    expect(preview).to_have_js_property("complete", True)
    assert preview.evaluate("(image) => image.naturalWidth") > 0
    first.calm()
    second.calm()


def test_it_works_without_scripts(window: Callable[..., Window], found: str) -> None:
    browser = joined(window, found, java_script_enabled=False, **DESKTOP)
    page = browser.page
    card = page.locator("article.found").nth(2)
    card = page.locator(f"[id='{card.get_attribute('id')}']")
    card.get_by_role("button", name="Nothing one could name").click()
    expect(page.get_by_text("Noted: you see nothing one could name.")).to_be_visible()
    expect(card.get_by_text("You say: nothing one could name.")).to_be_visible()
    card.get_by_role("button", name="Take it back").click()
    expect(page.get_by_text("Taken back.")).to_be_visible()
    page.get_by_label("Named", exact=True).check()
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_label("Named", exact=True)).to_be_checked()


def test_a_session_that_ended_leads_to_the_sign_in_page(window: Callable[..., Window], found: str) -> None:
    browser = joined(window, found, **DESKTOP)
    browser.context.clear_cookies(name="sessionid")
    card = browser.page.locator("article.found").nth(3)
    card.get_by_role("button", name="Nothing one could name").click()
    browser.page.wait_for_url("**/accounts/login/**")
    expect(browser.page.get_by_label("Password", exact=True)).to_be_visible()
