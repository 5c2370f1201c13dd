"""The API's documentation: drawn from this server alone, under the same strict policy as every page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect


def test_documentation_draws_itself_and_complains_of_nothing(window: Callable[..., Any]) -> None:
    made = window()
    made.goto("/api/docs/")
    expect(made.page.get_by_role("heading", name="Direction Commons")).to_be_visible()
    expect(made.page.locator("[id$='pairs_create'] .opblock-summary-method")).to_have_text("POST")
    made.calm()
