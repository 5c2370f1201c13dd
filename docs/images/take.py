"""Takes the pictures of pages that the documentation shows, from a running instance.

    python docs/images/take.py --url http://127.0.0.1:8000

Signs up a visitor, contributes a pair of the tray, waits for it, edits a sample face, and writes the pictures
beside this file. Needs Playwright (the `dev` extra) and a Chromium. It shows what is there: wait until the
demonstration is complete, and run it against a machine with nothing else to do.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any
from uuid import uuid4

from playwright.sync_api import Page, sync_playwright

FOLDER = Path(__file__).parent
DESKTOP = {"viewport": {"width": 1280, "height": 860}}
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "is_mobile": True,
    "has_touch": True,
    "device_scale_factor": 2,
}


def chromium_options() -> dict[str, Any]:
    found = next((path for name in ("chromium", "google-chrome") if (path := shutil.which(name))), None)
    return {"executable_path": found, "args": ["--no-sandbox"]}


def take(page: Page, name: str, *, full: bool = False) -> None:
    """`full`: the whole page, with pictures below the fold loaded first."""
    if full:
        page.evaluate("document.querySelectorAll('img').forEach((image) => (image.loading = 'eager'))")
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(400)
    page.screenshot(path=FOLDER / f"{name}.png", full_page=full)
    print(f"{name}.png")


def move(page: Page, number: int, presses: int) -> None:
    """A slider by the keyboard, a tenth of a step a press; negative goes left."""
    sliders = page.locator("input[data-kind]")
    if sliders.count() <= number:
        return
    sliders.nth(number).focus()
    for _ in range(abs(presses)):
        page.keyboard.press("ArrowRight" if presses > 0 else "ArrowLeft")
    page.wait_for_timeout(1500)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--pair", default="moustache", help="which pair of the tray is contributed")
    parser.add_argument("--change", default="smile", help="whose page in the catalog is taken")
    wanted = parser.parse_args()
    url = wanted.url.rstrip("/")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**chromium_options())
        visitor = browser.new_context(**DESKTOP, color_scheme="light")
        page = visitor.new_page()
        page.goto(f"{url}/")
        move(page, 0, 12)
        take(page, "home")
        page.goto(f"{url}/catalog/")
        take(page, "catalog")
        page.goto(f"{url}/catalog/{wanted.change}/")
        take(page, "change", full=True)

        page.goto(f"{url}/accounts/signup/?next=/contribute/")
        name = f"visitor-{uuid4().hex[:8]}"
        page.fill("[name=username]", name)
        page.fill("[name=email]", f"{name}@example.org")
        page.fill("[name=password1]", "only for pictures")
        page.click("main button[type=submit]")
        page.click(f"[data-take][value={wanted.pair}]")
        page.wait_for_selector(".drop-preview")
        take(page, "contribute")
        page.click("[data-send]")
        page.wait_for_url("**/contributions/*/")
        take(page, "progress")
        page.wait_for_selector("text=Use it in the studio now", timeout=300_000)
        page.wait_for_selector("text=/the first pair|Your pair is one of/", timeout=300_000)
        page.reload()
        take(page, "contribution", full=True)
        page.click("text=Use it in the studio now")
        page.locator("#samples ~ ul a").nth(2).click()
        move(page, 4, 10)
        take(page, "studio")
        address = page.url

        dark = browser.new_context(**DESKTOP, color_scheme="dark", storage_state=visitor.storage_state())
        page = dark.new_page()
        page.goto(address)
        take(page, "studio-dark")
        phone = browser.new_context(**PHONE, color_scheme="light", storage_state=visitor.storage_state())
        page = phone.new_page()
        page.goto(f"{url}/")
        page.locator("[data-editor]").scroll_into_view_if_needed()
        move(page, 0, 12)
        take(page, "home-phone")
        page.goto(f"{url}/catalog/")
        take(page, "catalog-phone")
        browser.close()


if __name__ == "__main__":
    main()
