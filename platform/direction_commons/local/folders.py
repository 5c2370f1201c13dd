"""Where the local stack keeps things: one data folder, and one short folder for sockets.

A unix socket's address holds about 100 bytes, a data folder's path any number; so sockets live in a folder of
their own under the system's temporary directory, named after the user and the data folder. Both folders are
0700. Refuses a socket folder that somebody else made.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import platformdirs

from direction_commons.local.errors import LocalError

REPOSITORY = Path(__file__).resolve().parents[3]
SOCKET_PATH_LIMIT = 103  # bytes; macOS holds 104 with the closing zero, Linux 108


@dataclass(frozen=True)
class Folders:
    """The places of one local stack; `home` is what a person sets as DIRECTION_COMMONS_HOME."""

    home: Path
    sockets: Path

    @property
    def postgres(self) -> Path:
        return self.home / "postgres"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def run(self) -> Path:
        return self.home / "run"

    @property
    def valkey_socket(self) -> Path:
        return self.sockets / "valkey"

    @property
    def database_url(self) -> str:
        return f"postgresql://postgres@/direction_commons?host={quote(str(self.sockets), safe='')}"

    @property
    def valkey_url(self) -> str:
        return f"unix://{quote(str(self.valkey_socket))}?db=0"

    def make(self) -> None:
        """Creates what is missing, only for us to read; existing folders of the home keep their mode."""
        try:
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.logs, self.run):
                folder.mkdir(mode=0o700, exist_ok=True)
            self.sockets.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise LocalError(f"The folder {error.filename} cannot be made: {error.strerror}.") from error
        found = self.sockets.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise LocalError(
                f"{self.sockets} was made by somebody else, or can be read by others; remove it first."
            )

    def write_private(self, name: str, text: str) -> Path:
        """Replaces `home/name` in one step, readable by us only."""
        path = self.home / name
        fresh = path.with_name(f".{path.name}.new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        fresh.replace(path)
        return path

    def secret(self, name: str) -> str:
        """The text of `home/name`, made once from the system's randomness."""
        path = self.home / name
        if not path.exists():
            self.write_private(name, secrets.token_urlsafe(50 if name == "secret-key" else 12))
        return path.read_text().strip()

    def read_json(self, name: str) -> Any:
        """What `write_private` left as JSON under `home/name`; None when absent or cut short."""
        try:
            return json.loads((self.home / name).read_text())
        except (OSError, ValueError):
            return None

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Held while a stack, a backup or a reset uses this data; the kernel frees it with its process."""
        with open(self.run / "lock", "a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                running = self.read_json("run/supervisor.json") or {}
                at = f" at {running['url']}" if "url" in running else ""
                raise LocalError(
                    f"Direction Commons already runs on the data in {self.home}{at}; `make stop` stops it."
                ) from error
            yield


def folders_for(home: str | Path | None = None) -> Folders:
    """The folders of the stack on `home`, on DIRECTION_COMMONS_HOME, or on the user's data directory."""
    chosen = (
        home or os.environ.get("DIRECTION_COMMONS_HOME") or platformdirs.user_data_dir("direction-commons")
    )
    path = Path(chosen).expanduser().resolve()
    name = f"direction-commons-{os.geteuid()}-{hashlib.sha256(os.fsencode(path)).hexdigest()[:10]}"
    for base in (Path(tempfile.gettempdir()).resolve(), Path("/tmp").resolve()):
        if len(os.fsencode(base / name / ".s.PGSQL.5432.lock")) <= SOCKET_PATH_LIMIT:
            return Folders(path, base / name)
    raise LocalError(f"{base / name} is too long for a unix socket; set TMPDIR to a shorter folder.")
