"""The catalog's search in a browser."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Route, expect

from tests.browser.conftest import DESKTOP, Window


def test_words_typed_before_the_scripts_came_are_searched_for(window: Callable[..., Window]) -> None:
    """On a slow line a person types into the form before anything listens to it."""
    browser = window(**DESKTOP)
    held: list[Route] = []
    browser.page.route(re.compile(r"/(htmx|app)[^/]*\.js"), lambda route: held.append(route))
    browser.page.goto(f"{browser.url}/catalog/", wait_until="commit")
    browser.page.get_by_role("searchbox").fill("nothingofthekind")
    assert "?q=" not in browser.page.url
    assert held
    for route in held:
        route.continue_()
    expect(browser.page).to_have_url(re.compile(r"\?q=nothingofthekind"))
    browser.calm()
