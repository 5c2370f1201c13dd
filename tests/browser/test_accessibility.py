"""Every page at desktop and at 360 px, light and dark: names, contrast, targets, focus, no sideways scroll.

These are our own checks (no tool is downloaded): each says which element fails, and by how much.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESKTOP, Contribution, Window, sign_up

NARROW = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
OPEN = (
    "/",
    "/catalog/",
    "/catalog/?q=nothingofthekind",
    "/discover/",
    "/studio/",
    "/generators/",
    "/evidence/",
    "/evidence/portraits/",
    "/about/",
    "/nowhere/",
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/password/reset/",
)
OWN = ("/me/", "/contribute/", "/studio/", "/accounts/password/change/", "/accounts/email/", "/me/delete/")

CHECKS = (Path(__file__).parent / "checks.js").read_text(encoding="utf-8")


def sweep(browser: Window, address: str) -> list[str]:
    browser.goto(address)
    return [f"{address}: {problem}" for problem in sweep_here(browser)]


def sweep_here(browser: Window) -> list[str]:
    browser.page.wait_for_load_state("load")
    found: list[str] = browser.page.evaluate(CHECKS)
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", [DESKTOP, NARROW], ids=["desktop", "narrow"])
def test_every_page_stands_for_everybody(
    window: Callable[..., Window], contributed: Contribution, screen: dict[str, Any], scheme: str
) -> None:
    browser = window(color_scheme=scheme, **screen)
    problems = [problem for address in OPEN for problem in sweep(browser, address)]
    own = window(color_scheme=scheme, storage_state=contributed.session, **screen)
    own.goto("/studio/")
    own.page.locator("#samples ~ ul a").first.click()
    photo = own.page.url.removeprefix(own.url)
    for address in (*OWN, "/discover/", contributed.address, f"/catalog/{contributed.change}/", photo):
        problems += sweep(own, address)
    assert not problems, "\n".join(problems)
    # The page that does not exist says so in the console, as it should.
    complaints = [said for said in browser.complaints if "404 (Not Found)" not in said]
    assert not complaints, complaints
    own.calm()


def test_a_page_in_progress_stands_too(window: Callable[..., Window]) -> None:
    browser = window(**NARROW)
    page = browser.page
    browser.goto("/accounts/signup/?next=/contribute/")
    sign_up(browser)
    page.wait_for_url("**/contribute/")
    page.get_by_role("button", name="Take the pair “smile”").click()
    expect(page.get_by_role("img", name="Before: smile-before.png")).to_be_visible()
    assert not sweep_here(browser)
    page.route("**/progress/**", lambda route: route.abort())  # it stays as it is while we look
    page.get_by_role("button", name="Contribute this pair").click()
    page.wait_for_url("**/contributions/*/")
    expect(page.get_by_role("progressbar", name="Progress of the whole contribution")).to_be_visible()
    assert not sweep_here(browser)


@pytest.mark.parametrize("address", ["/", "/catalog/", "/studio/", "/accounts/signup/"])
def test_every_stop_of_the_tab_key_can_be_seen(
    window: Callable[..., Window], contributed: Contribution, address: str
) -> None:
    browser = window(**DESKTOP)
    page = browser.page
    browser.goto(address)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    seen = 0
    for _ in range(60):
        state = page.evaluate(
            """() => {
              const element = document.activeElement;
              if (!element || element === document.body) return null;
              const shown = element.matches(".drop-input, .tabs input") ? element.parentElement : element;
              const style = getComputedStyle(shown);
              const thumb = element.type === "range";
              const card = element.closest(".card");
              const ring = card ? getComputedStyle(card) : style;
              const box = shown.getBoundingClientRect();
              return {
                what: element.outerHTML.slice(0, 120),
                ring: thumb || (ring.outlineStyle !== "none" && parseFloat(ring.outlineWidth) >= 2),
                inside: box.bottom > 0 && box.top < innerHeight,
              };
            }"""
        )
        if state is None:
            break
        assert state["ring"], f"{address}: no visible focus on {state['what']}"
        assert state["inside"], f"{address}: focus out of sight on {state['what']}"
        seen += 1
        page.keyboard.press("Tab")
    assert seen > 8
    browser.calm()


def test_the_skip_link_skips(window: Callable[..., Window]) -> None:
    browser = window(**DESKTOP)
    browser.goto("/catalog/")
    browser.page.keyboard.press("Tab")
    browser.page.keyboard.press("Enter")
    assert browser.page.evaluate("document.activeElement.id") == "main"


def test_motion_is_left_out_for_who_asks(window: Callable[..., Window]) -> None:
    browser = window(reduced_motion="reduce", **DESKTOP)
    browser.goto("/")
    moving = browser.page.evaluate(
        """() => [...document.querySelectorAll("*")].filter((element) => {
          const style = getComputedStyle(element);
          return style.animationName !== "none" || parseFloat(style.transitionDuration) > 0;
        }).map((element) => element.outerHTML.slice(0, 80))"""
    )
    assert moving == []
