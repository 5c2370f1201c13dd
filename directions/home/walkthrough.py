"""A person's way through a running instance, from outside, over the API alone: smoke test and example client.

It signs up, contributes two pairs of the same change, waits for both directions and for the community version
that holds them, uploads a portrait that nobody has contributed, edits it with the community's direction and
with its own, keeps a recipe and replays it. HTTP is `client`'s, pictures come from the renderer.
It looks into no database, and stops at the first thing that is not as it should be.
"""

from __future__ import annotations

import io
import json
import secrets
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from directions.home.client import Client, WalkthroughFailed
from inference.portraits import region_mask, render

Pixels = npt.NDArray[np.uint8]
CHANGE, ATTRIBUTE = "earrings", "earrings"  # not among what the demonstration community contributes
BARE = {"earrings": 0.0, "hair_length": 0.1, "hat": 0.0, "hair_volume": 0.3}
CONTRIBUTED, HELD_OUT = (9101, 9102), 9203  # seeds: two people who contribute, one who does not
INTENSITIES = (-1.0, 0.0, 1.0)


@dataclass
class Walkthrough:
    """One walk. `say` gets each line of progress; pictures and report.md are written to `out`."""

    url: str
    out: Path
    say: Callable[[str], None]
    timeout: float = 900.0
    erase: bool = False
    password: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    facts: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Walk, write report.md, and raise WalkthroughFailed where something is wrong."""
        self.out.mkdir(parents=True, exist_ok=True)
        client = Client(self.url)
        with self._timed("health"):
            client.call("GET", "/healthz")
        self._sign_up(client)
        started = time.monotonic()
        pairs = [self._contribute(client, seed) for seed in CONTRIBUTED]
        directions = [self._wait_for_pair(client, pair) for pair in pairs]
        self.seconds["two pairs, from upload to both directions"] = time.monotonic() - started
        version = self._wait_for_version(client, directions)
        photo = self._upload_held_out(client)
        own = {"kind": "pair", "id": directions[0]}
        community = {"kind": "community", "id": str(version)}
        self._edit(client, photo, "community", community)
        self._edit(client, photo, "own", own)
        self._recipe(client, photo, [{**community, "intensity": 1.0}, {**own, "intensity": 0.25}])
        self._refusals(client, photo, own)
        self.facts.append(f"The server asked {client.busy} times to try again in a moment.")
        if self.erase:
            client.call("DELETE", "/api/v1/me/", body={"password": self.password})
            self.facts.append("The account was deleted with everything in it.")
        self._report()

    def _sign_up(self, client: Client) -> None:
        name = f"walkthrough-{secrets.token_hex(4)}"
        password = secrets.token_urlsafe(16)
        account = {"username": name, "email": f"{name}@example.org", "password": password}
        with self._timed("sign-up"):
            client.token = client.call("POST", "/api/v1/accounts/", body=account).json()["token"]
        self.password = password
        asked = {"login": name, "password": password, "name": "walkthrough"}
        client.token = client.call("POST", "/api/v1/tokens/", body=asked).json()["token"]
        self.say(f"Signed up as {name}.")
        self.facts.append(f"Account: `{name}`.")

    def _contribute(self, client: Client, seed: int) -> str:
        before, after = portrait(BARE, seed), portrait({**BARE, ATTRIBUTE: 1.0}, seed)
        self._write(f"pair-{seed}-before.png", before)
        self._write(f"pair-{seed}-after.png", after)
        sent: dict[str, Any] = {
            "fields": {"change": CHANGE},
            "files": {"before": before, "after": after},
            "key": str(uuid.uuid4()),
        }
        with self._timed(f"pair {seed}: accepted"):
            pair: str = client.call("POST", "/api/v1/pairs/", **sent).json()["id"]
        again = client.call("POST", "/api/v1/pairs/", **sent).json()["id"]
        if again != pair:
            raise WalkthroughFailed(f"One idempotency key made two pairs, {pair} and {again}.")
        self.say(f"Contributed a pair of “{CHANGE}” (person {seed}): {pair}.")
        return pair

    def _wait_for_pair(self, client: Client, pair: str) -> str:
        body = self._wait(client, f"/api/v1/pairs/{pair}/", f"pair {pair[:8]}")
        state = body["progress"]["state"]
        if state != "ready":
            raise WalkthroughFailed(f"The pair {pair} ended as {state}: {body['progress']['text']}")
        direction = body["direction"]
        self.facts.append(
            f"Pair `{pair}`: direction `{direction['id']}`, step {direction['step']:.2f}, "
            f"quality `{json.dumps(direction['quality'])}`."
        )
        return str(direction["id"])

    def _wait_for_version(self, client: Client, directions: list[str]) -> int:
        """The community version that holds both of our directions."""
        started = time.monotonic()
        while True:
            real = client.call("GET", f"/api/v1/catalog/{CHANGE}/").json()["real"]
            members = {member["direction"] for member in real["members"]} if real else set()
            if set(directions) <= members:
                newest = real["series"]["latest"]
                self.seconds["from the directions to the community version"] = time.monotonic() - started
                pairs = newest["num_members"]
                held = f"Version {newest['number']} of “{CHANGE}” holds both pairs ({pairs} in all)."
                self.say(held)
                rho = "not yet known" if newest["agreement"] is None else f"{newest['agreement']:.3f}"
                self.facts.append(f"{held} R {newest['resultant']:.3f}, agreement {rho}.")
                return int(newest["id"])
            if time.monotonic() - started > self.timeout:
                raise WalkthroughFailed(
                    f"No version of “{CHANGE}” held both pairs after {self.timeout:.0f} s."
                )
            time.sleep(1.0)

    def _upload_held_out(self, client: Client) -> str:
        picture = portrait(BARE, HELD_OUT)
        self._write("photo.png", picture)
        self._write("photo-truth.png", portrait({**BARE, ATTRIBUTE: 1.0}, HELD_OUT))
        started = time.monotonic()
        photo: str = client.call(
            "POST", "/api/v1/photos/", fields={"title": "Held out"}, files={"image": picture}
        ).json()["id"]
        body = self._wait(client, f"/api/v1/photos/{photo}/", "photo")
        self.seconds["photo, from upload to editable"] = time.monotonic() - started
        if body["progress"]["state"] != "ready":
            raise WalkthroughFailed(
                f"The photo ended as {body['progress']['state']}: {body['progress']['text']}"
            )
        seen = client.call("GET", body["reconstruction"]["url"]).data  # WebP or PNG, as it is kept
        self._write("photo-reconstruction.png", as_png(pixels(seen)))
        self.facts.append(f"Photo: reconstruction at {body['psnr']:.1f} dB.")
        return photo

    def _edit(self, client: Client, photo: str, name: str, direction: dict[str, str]) -> None:
        """A strip of the photo, and whether what should change did."""
        pictures: list[Pixels] = []
        for intensity in INTENSITIES:
            steps = [{**direction, "intensity": intensity}] if intensity else []
            with self._timed(f"preview, {name}, {intensity:+.0f}"):
                answer = client.call(
                    "POST", f"/api/v1/photos/{photo}/preview/?format=png", body={"steps": steps}
                )
            if answer.content_type != "image/png":
                raise WalkthroughFailed(f"A preview came as {answer.content_type}; image/png was wanted.")
            self._write(f"edit-{name}{intensity:+.0f}.png", answer.data)
            pictures.append(pixels(answer.data))
        rest, moved = pictures[1].astype(float), pictures[2].astype(float)
        inside = np.abs(moved - rest).mean(axis=2)[region_mask(ATTRIBUTE, HELD_OUT, attributes=BARE)].mean()
        outside = np.abs(moved - rest).mean(axis=2)[~region_mask(ATTRIBUTE, HELD_OUT, attributes=BARE)].mean()
        truth = pixels((self.out / "photo-truth.png").read_bytes()).astype(float)
        self.facts.append(
            f"Edit with the {name} direction at +1: mean change {inside:.1f} of 255 where earrings are, "
            f"{outside:.1f} elsewhere; {psnr(moved, truth):.1f} dB to the true picture (no edit: "
            f"{psnr(rest, truth):.1f} dB)."
        )
        self.say(f"Edited with the {name} direction: {inside:.1f} inside the region, {outside:.1f} outside.")
        if not inside > outside:
            raise WalkthroughFailed(
                f"The {name} direction changed {inside:.2f} where {CHANGE} are and {outside:.2f} elsewhere."
            )

    def _recipe(self, client: Client, photo: str, steps: list[dict[str, Any]]) -> None:
        recipe = client.call("POST", f"/api/v1/photos/{photo}/recipes/", body={"steps": steps}).json()
        document = recipe["document"]
        (self.out / "recipe.json").write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
        drawn = client.call("POST", f"/api/v1/photos/{photo}/preview/?format=png", body={"steps": steps}).data
        kept = client.call("GET", recipe["image"]).data
        replayed = client.call("POST", "/api/v1/recipes/replay/", body=document).data
        self._write("recipe.png", kept)
        for name, picture in (("kept", kept), ("downloaded", replayed)):
            away = int(np.abs(pixels(drawn).astype(int) - pixels(picture).astype(int)).max())
            if away > 1:
                raise WalkthroughFailed(
                    f"The {name} recipe is {away} of 255 away from the preview it was made of."
                )
        self.say("A recipe of both directions replays to the same pixels.")
        self.facts.append("The recipe, kept and downloaded, replays to the preview's pixels within 1/255.")

    def _refusals(self, client: Client, photo: str, own: dict[str, str]) -> None:
        """What is mine is nobody else's."""
        stranger = Client(self.url)
        for path, body in (
            (f"/api/v1/photos/{photo}/preview/", {"steps": []}),
            (f"/api/v1/photos/{self._sample(client)}/preview/", {"steps": [{**own, "intensity": 1}]}),
        ):
            try:
                stranger.call("POST", path, body=body)
            except WalkthroughFailed as refused:
                if " 404" not in str(refused):
                    raise
            else:
                raise WalkthroughFailed(f"A stranger could use {path}.")
        self.say("A stranger can use neither the photo nor the pair's direction.")
        self.facts.append("Without the account, photo and own direction answer 404.")

    def _sample(self, client: Client) -> str:
        samples = client.call("GET", "/api/v1/samples/").json()
        ready = [sample["id"] for sample in samples if sample["progress"]["state"] == "ready"]
        if not ready:
            raise WalkthroughFailed("There is no sample face that is ready to edit.")
        return str(ready[0])

    def _wait(self, client: Client, path: str, name: str) -> dict[str, Any]:
        """Poll, more slowly the longer it takes, until the progress is final."""
        started, last, pause = time.monotonic(), "", 0.3
        while True:
            body: dict[str, Any] = client.call("GET", path).json()
            progress = body["progress"]
            if progress["text"] != last:
                last = progress["text"]
                self.say(f"  {name}: {last}")
            if progress["final"]:
                return body
            if time.monotonic() - started > self.timeout:
                raise WalkthroughFailed(f"The {name} was not finished after {self.timeout:.0f} s: {last}")
            time.sleep(pause)
            pause = min(3.0, pause * 1.3)

    def _write(self, name: str, data: bytes) -> None:
        (self.out / name).write_bytes(data)

    def _timed(self, name: str) -> _Timed:
        return _Timed(self.seconds, name)

    def _report(self) -> None:
        rows = "\n".join(f"| {name} | {seconds:.3f} |" for name, seconds in self.seconds.items())
        edits = "\n".join(
            "| " + name + " | " + " | ".join(f"![](edit-{name}{x:+.0f}.png)" for x in INTENSITIES) + " |"
            for name in ("community", "own")
        )
        facts = "\n".join(f"- {fact}" for fact in self.facts)
        head = " | ".join(f"{x:+.0f}" for x in INTENSITIES)
        text = (
            f"# Walkthrough of {self.url}\n\n{facts}\n\n"
            f"| what | s |\n|---|---|\n{rows}\n\n"
            f"| direction | {head} |\n|---|{'---|' * len(INTENSITIES)}\n{edits}\n\n"
            "| photo | reconstruction | true picture with the change |\n|---|---|---|\n"
            "| ![](photo.png) | ![](photo-reconstruction.png) | ![](photo-truth.png) |\n"
        )
        (self.out / "report.md").write_text(text, encoding="utf-8")
        self.say(f"Report: {self.out / 'report.md'}")


class _Timed:
    def __init__(self, kept: dict[str, float], name: str) -> None:
        self.kept, self.name = kept, name

    def __enter__(self) -> None:
        self.started = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self.kept[self.name] = time.monotonic() - self.started


def portrait(attributes: Mapping[str, float], seed: int) -> bytes:
    """A drawn portrait as PNG."""
    return as_png(render(attributes, seed))


def as_png(picture: Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()


def pixels(data: bytes) -> Pixels:
    """uint8 [H, W, 3] of an encoded picture."""
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture.convert("RGB"))


def psnr(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> float:
    """dB between two pictures in 0..255."""
    return float(10 * np.log10(255.0**2 / max(1e-9, float(np.mean((a - b) ** 2)))))
