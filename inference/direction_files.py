"""How directions lie on disk: named float arrays and one JSON header, as .safetensors or .npz.

Reading never unpickles. Every file carries the sha256 of its own content and is refused when that, a shape, a
number or a name is not as it must be, because a direction that was silently damaged still gives pictures.
This module knows arrays and headers only; what they mean is said in finders/ and averaging/.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load as safetensors_load
from safetensors.numpy import save as safetensors_save

from inference.errors import DirectionError

FORMAT = "direction-commons/1"
MAX_BYTES = 64 * 1024 * 1024
# what the two readers raise for damaged files; MemoryError when a header claims a vast array
_UNREADABLE = (
    SafetensorError,
    zipfile.BadZipFile,
    ValueError,
    KeyError,
    TypeError,
    EOFError,
    OSError,
    MemoryError,
)
Arrays = dict[str, npt.NDArray[np.float32]]


def write_arrays(
    path: str | os.PathLike[str], arrays: Mapping[str, npt.ArrayLike], header: Mapping[str, Any]
) -> None:
    """Write arrays and header to `path`; its ending, .safetensors or .npz, names the format."""
    target = Path(path)
    kept: Arrays = {name: np.ascontiguousarray(value, dtype="<f4") for name, value in sorted(arrays.items())}
    full = {**header, "format": FORMAT}
    full["content_sha256"] = content_digest(kept, full)
    text = json.dumps(full, sort_keys=True, allow_nan=False)
    if _ending(target) == ".safetensors":
        data = safetensors_save(kept, metadata={"header": text})
    else:
        buffer = io.BytesIO()
        np.savez(buffer, header=np.array(text), **kept)  # type: ignore[arg-type]
        data = buffer.getvalue()
    try:
        target.write_bytes(data)
    except OSError as error:
        raise DirectionError(
            f"{target}, which cannot be written ({error.strerror or error})",
            "a folder that exists and may be written to",
            code="direction:write",
        ) from error


def read_arrays(path: str | os.PathLike[str]) -> tuple[Arrays, dict[str, Any]]:
    """Read what `write_arrays` wrote; raises DirectionError for every other file."""
    source = Path(path)
    ending = _ending(source)
    try:
        size = source.stat().st_size
        data = source.read_bytes() if size <= MAX_BYTES else b""
    except OSError as error:
        raise DirectionError(
            f"{source}, which cannot be read ({error.strerror or error})",
            "the path of a direction file",
            code="direction:read",
        ) from error
    if size > MAX_BYTES:
        raise DirectionError(f"{source.name} of {size // 2**20} MiB", "at most 64 MiB", code="direction:size")
    try:
        arrays, text = _read_safetensors(data) if ending == ".safetensors" else _read_npz(data)
        header = json.loads(text)
    except _UNREADABLE as error:
        raise _damaged(source, str(error)) from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise _damaged(source, f"its format is not {FORMAT}")
    for name, array in arrays.items():
        if array.dtype != np.float32 or not np.all(np.isfinite(array)):
            raise _damaged(source, f"{name} is not finite float32")
    claimed = header.pop("content_sha256", None)
    if claimed != content_digest(arrays, header):
        raise _damaged(source, "its content does not have the sha256 it states")
    return arrays, header


def content_digest(arrays: Mapping[str, npt.NDArray[np.float32]], header: Mapping[str, Any]) -> str:
    """sha256 over names, shapes and little-endian float32 bytes, in sorted order, and the header."""
    digest = hashlib.sha256(json.dumps(dict(header), sort_keys=True, allow_nan=False).encode())
    for name in sorted(arrays):
        digest.update(f"\n{name} {list(arrays[name].shape)}\n".encode())
        digest.update(np.ascontiguousarray(arrays[name], dtype="<f4").tobytes())
    return digest.hexdigest()


def _read_safetensors(data: bytes) -> tuple[Arrays, str]:
    arrays = safetensors_load(data)
    length = int.from_bytes(data[:8], "little")
    head = json.loads(data[8 : 8 + length])
    return arrays, head["__metadata__"]["header"]


def _read_npz(data: bytes) -> tuple[Arrays, str]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
    if unpacked > MAX_BYTES:
        raise ValueError(f"it unpacks to {unpacked // 2**20} MiB")
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        text = str(archive["header"][()])
        arrays = {name: archive[name] for name in archive.files if name != "header"}
    return arrays, text


def _ending(path: Path) -> str:
    ending = path.suffix.lower()
    if ending not in {".safetensors", ".npz"}:
        raise DirectionError(
            f"the file name {path.name!r}", "a name ending in .safetensors or .npz", code="direction:ending"
        )
    return ending


def _damaged(path: Path, reason: str) -> DirectionError:
    return DirectionError(
        f"{path.name}, which is not a whole direction file ({reason})",
        "a .safetensors or .npz file that this program saved",
        "save or download it again",
        code="direction:damaged",
    )
