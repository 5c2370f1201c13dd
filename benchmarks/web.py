"""The web: what a person waits for on a running instance, from outside over HTTP, one request at a time.

DIRECTION_COMMONS_BENCH_URL names the instance; without it the local stack is started on a new data folder,
without the demonstration, and stopped again. Previews need a direction, so one pair is contributed first.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import Measurement
from directions.home.client import Client
from directions.home.walkthrough import ATTRIBUTE, BARE, portrait

ROOT = Path(__file__).parents[1]
PREVIEWS, PAGES, SEED = 60, 20, 9301
WAIT = 600.0


def measurements() -> Iterator[Measurement]:
    """Preview round trips, warm, and pages."""
    with instance() as url:
        client = Client(url)
        name = f"bench-{uuid.uuid4().hex[:8]}"
        account = {"username": name, "email": f"{name}@example.org", "password": uuid.uuid4().hex}
        client.token = client.call("POST", "/api/v1/accounts/", body=account).json()["token"]
        try:
            yield from previews(client)
            for page in ("/", "/catalog/", "/api/v1/catalog/"):
                yield row(f"page {page}", lambda page=page: client.call("GET", page), PAGES)
        finally:
            client.call("DELETE", "/api/v1/me/", body={"password": account["password"]})


def previews(client: Client) -> Iterator[Measurement]:
    """One direction on one photo, from the request to the last byte of the picture."""
    pictures = {"before": portrait(BARE, SEED), "after": portrait({**BARE, ATTRIBUTE: 1.0}, SEED)}
    start = time.monotonic()
    pair = client.call("POST", "/api/v1/pairs/", fields={"change": "benchmark"}, files=pictures).json()["id"]
    body = final(client, f"/api/v1/pairs/{pair}/")
    if body["progress"]["state"] != "ready":
        raise RuntimeError(f"the pair ended as {body['progress']['state']}: {body['progress']['text']}")
    seconds = time.monotonic() - start
    yield Measurement("a pair, from upload to its direction", seconds, "s", "two pictures, cold worker")
    photo = client.call("POST", "/api/v1/photos/", files={"image": portrait(BARE, SEED + 1)}).json()["id"]
    final(client, f"/api/v1/photos/{photo}/")
    step = {"kind": "pair", "id": body["direction"]["id"], "intensity": 1.0}
    for format in ("webp", "png"):
        address = f"/api/v1/photos/{photo}/preview/?format={format}"
        yield row(
            f"preview round trip, {format}",
            lambda address=address: client.call("POST", address, body={"steps": [step]}),
            PREVIEWS,
        )


def final(client: Client, path: str) -> dict[str, Any]:
    """Poll until the progress is final."""
    end = time.monotonic() + WAIT
    while time.monotonic() < end:
        body: dict[str, Any] = client.call("GET", path).json()
        if body["progress"]["final"]:
            return body
        time.sleep(0.5)
    raise RuntimeError(f"{path} was not finished in {WAIT:.0f} s")


def row(name: str, work: Callable[[], object], count: int) -> Measurement:
    """Median milliseconds of `count` requests, after three that do not count; the slow end in the note."""
    seconds = []
    for number in range(count + 3):
        start = time.perf_counter()
        work()
        if number >= 3:
            seconds.append(time.perf_counter() - start)
    slow = sorted(seconds)[int(0.95 * count)]
    return Measurement(
        name, 1e3 * statistics.median(seconds), "ms", f"95 % below {1e3 * slow:.0f} ms, n={count}"
    )


@contextmanager
def instance() -> Iterator[str]:
    """The address of a running instance: the one that is named, or one of our own."""
    if url := os.environ.get("DIRECTION_COMMONS_BENCH_URL"):
        yield url
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = Path(tempfile.mkdtemp(prefix="direction-commons-bench-"))
    argv = [sys.executable, "-m", "direction_commons.local", "--home", str(home / "data"), "run"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "platform")])}
    log = home / "output"
    with log.open("w") as output:
        process = subprocess.Popen(
            [*argv, "--port", str(port), "--no-demonstration"],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            ready = f"Direction Commons is ready at http://127.0.0.1:{port}"
            end = time.monotonic() + 180
            while ready not in log.read_text():
                if process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"the local stack did not start: {log.read_text()[-500:]}")
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(90)
            shutil.rmtree(home, ignore_errors=True)
