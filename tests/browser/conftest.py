"""What the browser's tests share: windows that write down every complaint, drawn pictures, a person."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from PIL import Image
from playwright.sync_api import expect

from inference.portraits import render

DESKTOP = {"viewport": {"width": 1280, "height": 900}}
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "is_mobile": True,
    "has_touch": True,
    "device_scale_factor": 2,
}
PASSWORD = "a pair of pictures"
COUNTED = re.compile("Yours is the first pair|Your pair is one of")
PATIENCE = 30_000  # milliseconds for anything that one answer of the server brings about
DONE = 240_000  # and for a contribution, on a busy machine


@dataclass
class Window:
    """A browser context with one page; `complaints` is everything that a developer would see in red."""

    context: Any
    page: Any
    url: str
    complaints: list[str] = field(default_factory=list)

    def goto(self, address: str) -> None:
        self.page.goto(self.url + address)

    def calm(self) -> None:
        """No script error, no refused policy, no request to anywhere else."""
        assert not self.complaints, self.complaints


@pytest.fixture(scope="session", autouse=True)
def _patience() -> None:
    """`expect` has a clock of its own, of 5 s: too short for an upload while the machine is loaded."""
    expect.set_options(timeout=PATIENCE)


@pytest.fixture
def window(live_site: Any, chromium: Any) -> Iterator[Callable[..., Window]]:
    """`window(**options of a context)`; all are closed in the end."""
    contexts = []

    def make(**options: Any) -> Window:
        context = chromium.new_context(accept_downloads=True, **options)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        made = Window(context, page, live_site.url)
        listen(made, page)
        return made

    yield make
    for context in contexts:
        context.close()


def listen(window: Window, page: Any) -> None:
    page.on("console", lambda said: window.complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: window.complaints.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((window.url, "blob:", "data:"))
            else window.complaints.append(f"outside request: {request.url}")
        ),
    )


def sign_up(window: Window) -> str:
    """Fills in the sign-up form that is open, as a person would; answers the name."""
    name = f"visitor-{uuid4().hex[:10]}"
    page = window.page
    page.get_by_label("Username").fill(name)
    page.get_by_label(re.compile("^E-?mail")).fill(f"{name}@example.org")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Make my account").click()
    return name


@pytest.fixture(scope="session")
def portrait(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`portrait("before.png", seed, earrings=0.0)`: a drawn person in a file."""
    folder = tmp_path_factory.mktemp("portraits")

    def draw(name: str, seed: int, **attributes: float) -> Path:
        path = folder / f"{seed}-{name}"
        Image.fromarray(render(attributes, seed, 128)).save(path)
        return path

    return draw


@dataclass(frozen=True)
class Contribution:
    """A change that somebody has contributed from the tray: its page, and the session that may see it."""

    change: str
    address: str
    session: Any


@pytest.fixture(scope="session")
def contributed(live_site: Any, chromium: Any) -> Contribution:
    """One contribution that is finished and in the catalog, shared by all tests that only look."""
    context = chromium.new_context(**DESKTOP)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    made = Window(context, page, live_site.url)
    made.goto("/accounts/signup/?next=/contribute/")
    sign_up(made)
    page.wait_for_url("**/contribute/")  # loaded: before its script runs, the tray sends a pair at once
    page.get_by_role("button", name="Take the pair “glasses”").click()
    page.get_by_role("img", name="Before: glasses-before.png").wait_for()
    page.get_by_role("button", name="Contribute this pair").click()
    page.get_by_role("link", name="Use it in the studio now").wait_for(timeout=DONE)
    page.get_by_text(COUNTED).wait_for(timeout=DONE)
    found = Contribution("glasses", page.url.removeprefix(live_site.url), context.storage_state())
    context.close()
    return found
