"""A bundle: one generator as we keep it, with its encoder, its perceptual network and its measured numbers.

A folder of `bundle.toml` and three `.safetensors` files. Loading never unpickles, follows no path out of the
folder and believes no file whose sha256 is not the one written down. A bundle's `digest` is computed over its
content (configuration, numbers, every weight as loaded), so it is the same before saving and after loading.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from inference.embedded import EMBEDDED
from inference.encoders import ENCODERS, Encoder
from inference.errors import BundleError, RegistryError
from inference.generators import GENERATORS, Generator
from inference.perceptual import Perceptual

FORMAT = 1
NETWORKS = ("generator", "encoder", "perceptual")
THRESHOLDS = ("null_floor", "unrelated", "out_of_domain")

Storage = Literal["float16", "float32"]


class Bundle:
    """Generator, encoder and perceptual network in evaluation mode on one device, and their numbers."""

    def __init__(
        self,
        *,
        name: str,
        generator: Generator,
        encoder: Encoder,
        perceptual: Perceptual,
        metric_weights: Sequence[float] | Tensor,
        thresholds: Mapping[str, float],
        metadata: Mapping[str, Any],
        storage: Storage = "float16",
    ) -> None:
        """Weights are rounded to `storage` here, so that what runs now is what a saved copy will run."""
        self.name = name
        self.storage: Storage = storage
        self.generator = generator
        self.encoder = encoder
        self.perceptual = perceptual
        self.metric_weights = torch.as_tensor(metric_weights, dtype=torch.float32).clone()  # [L]
        self.thresholds = {key: float(thresholds[key]) for key in THRESHOLDS if key in thresholds}
        self.metadata = dict(metadata)
        self.device = torch.device("cpu")
        self._check()
        for network in self.networks().values():
            network.eval().requires_grad_(False)
            for tensor in network.state_dict().values():
                if tensor.is_floating_point():
                    tensor.copy_(tensor.to(getattr(torch, storage)).to(tensor.dtype))
        self.digest = self._digest()

    def networks(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "encoder": self.encoder, "perceptual": self.perceptual}

    def to(self, device: str | torch.device) -> Bundle:
        """Move the networks; returns self."""
        self.device = torch.device(device)
        for network in self.networks().values():
            network.to(self.device)
        return self

    @classmethod
    def load(cls, name_or_path: str | os.PathLike[str], device: str | torch.device | None = None) -> Bundle:
        """An embedded bundle by name ("portraits") or one from its folder; by default on the best device."""
        folder = EMBEDDED.get(str(name_or_path), Path(name_or_path))
        if not folder.is_dir():
            raise BundleError(
                f"{str(name_or_path)!r}",
                f"a bundle's folder or one of {sorted(EMBEDDED)}",
                "check the path; a bundle is a folder with a bundle.toml",
                code="bundle:missing",
            )
        manifest = _read_manifest(folder)
        states = {network: _read_weights(folder, network, manifest) for network in NETWORKS}
        try:
            bundle = cls(
                name=str(manifest["name"]),
                generator=_filled(_build(manifest, "generator"), states["generator"]),
                encoder=_filled(_build(manifest, "encoder"), states["encoder"]),
                perceptual=_filled(_build(manifest, "perceptual"), states["perceptual"]),
                metric_weights=[float(weight) for weight in manifest["metric_weights"]],
                thresholds={key: float(value) for key, value in manifest["thresholds"].items()},
                metadata=manifest["metadata"],
                storage=manifest["storage"],
            )
        except (KeyError, TypeError, AttributeError, RegistryError) as error:
            raise BundleError(
                f"a bundle.toml that does not describe a bundle ({error!r})",
                "every table of format 1",
                "export the bundle again",
                code="bundle:manifest",
            ) from error
        if device is None:
            device = "cuda" if torch.cuda.is_available() else "cpu"
        return bundle.to(device)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the folder: weights first, `bundle.toml` last, so that a broken save is never loaded."""
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "bundle.toml").unlink(missing_ok=True)
        dtype = getattr(torch, self.storage)
        hashes = {}
        for name, network in self.networks().items():
            state = {
                key: (value.to(dtype) if value.is_floating_point() else value).cpu().contiguous()
                for key, value in sorted(network.state_dict().items())
            }
            content = save_tensors(state)
            (folder / f"{name}.safetensors").write_bytes(content)
            hashes[name] = hashlib.sha256(content).hexdigest()
        text = write_toml({**self._manifest(), "sha256": hashes})
        temporary = folder / "bundle.toml.part"
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(folder / "bundle.toml")

    def _manifest(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "name": self.name,
            "storage": self.storage,
            "metric_weights": [float(weight) for weight in self.metric_weights],
            "metadata": self.metadata,
            "thresholds": self.thresholds,
            "generator": {"family": self.generator.family, "config": self.generator.config},
            "encoder": {"family": self.encoder.family, "config": self.encoder.config},
            "perceptual": {"family": "lpips", "config": self.perceptual.config},
        }

    def _digest(self) -> str:
        digest = hashlib.sha256(json.dumps(self._manifest(), sort_keys=True).encode())
        for name, network in self.networks().items():
            for key, value in sorted(network.state_dict().items()):
                digest.update(f"{name}/{key}/{tuple(value.shape)}".encode())
                digest.update(value.detach().cpu().contiguous().numpy().astype("<f4").tobytes())
        return digest.hexdigest()

    def _check(self) -> None:
        layers, dim = self.generator.num_layers, self.generator.code_dim
        problems = []
        weights = self.metric_weights
        if tuple(weights.shape) != (layers,) or not (bool((weights >= 0).all()) and float(weights.sum()) > 0):
            problems.append(f"metric_weights of shape {tuple(weights.shape)}, negative or all zero")
        if (self.encoder.num_layers, self.encoder.code_dim) != (layers, dim):
            problems.append(f"an encoder to [{self.encoder.num_layers}, {self.encoder.code_dim}]")
        if self.encoder.resolution != self.generator.resolution:
            problems.append(f"an encoder for {self.encoder.resolution} px")
        absent = [key for key in THRESHOLDS if not math.isfinite(self.thresholds.get(key, math.nan))]
        if absent:
            problems.append(f"no finite thresholds {absent}")
        if problems:
            raise BundleError(
                "; ".join(problems),
                f"parts that fit the generator: codes [{layers}, {dim}] at {self.generator.resolution} px, "
                f"{layers} metric weights and the thresholds {', '.join(THRESHOLDS)}",
                code="bundle:parts",
            )


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / "bundle.toml"
    try:
        manifest = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BundleError(
            f"{folder.name!r} without bundle.toml", "a bundle's folder", code="bundle:missing"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BundleError(
            f"a bundle.toml that is not TOML ({error})", "TOML", code="bundle:manifest"
        ) from error
    if manifest.get("format") != FORMAT:
        raise BundleError(
            f"bundle format {manifest.get('format')!r}",
            f"format {FORMAT}",
            "update this program, or export the bundle again",
            code="bundle:format",
        )
    hashes = manifest.get("sha256")
    if not isinstance(hashes, dict) or sorted(hashes) != sorted(NETWORKS):
        came = sorted(hashes) if isinstance(hashes, dict) else hashes
        raise BundleError(f"files {came}", f"exactly {sorted(NETWORKS)}", code="bundle:files")
    if manifest.get("storage") not in ("float16", "float32"):
        raise BundleError(
            f"storage {manifest.get('storage')!r}", "'float16' or 'float32'", code="bundle:manifest"
        )
    return manifest


def _read_weights(folder: Path, network: str, manifest: Mapping[str, Any]) -> dict[str, Tensor]:
    path = folder / f"{network}.safetensors"
    if path.resolve().parent != folder.resolve():
        raise BundleError(
            f"{path.name}, a link out of the bundle's folder", "a file in the folder", code="bundle:unsafe"
        )
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BundleError(
            f"no readable {path.name}", "all three weight files", code="bundle:missing"
        ) from error
    if hashlib.sha256(content).hexdigest() != manifest["sha256"][network]:
        raise BundleError(
            f"{path.name} with another sha256 than bundle.toml says",
            "the file that was saved with it",
            "fetch the bundle again",
            code="bundle:corrupt",
        )
    try:
        return load_tensors(content)
    except SafetensorError as error:
        raise BundleError(
            f"{path.name}, which is not safetensors ({error})", "a safetensors file", code="bundle:corrupt"
        ) from error


def _build(manifest: Mapping[str, Any], network: str) -> Any:
    table = manifest[network]
    if network == "generator":
        return GENERATORS.build(table["family"], table["config"])
    if network == "encoder":
        return ENCODERS.build(table["family"], table["config"])
    return Perceptual(**table["config"])


def _filled(network: Any, state: Mapping[str, Tensor]) -> Any:
    wanted = network.state_dict()
    odd = sorted(set(wanted) ^ set(state)) or sorted(k for k in wanted if wanted[k].shape != state[k].shape)
    if odd:
        raise BundleError(
            f"weights that do not fit the configuration at {odd[:3]}",
            "one tensor of the right shape for every parameter",
            "export the bundle again",
            code="bundle:weights",
        )
    network.load_state_dict({key: state[key].to(wanted[key].dtype) for key in wanted})
    return network


def write_toml(table: Mapping[str, Any]) -> str:
    """TOML of nested tables of texts, numbers, truths and flat lists (Python only reads TOML)."""
    lines: list[str] = []

    def emit(section: Mapping[str, Any], path: tuple[str, ...]) -> None:
        if path:
            lines.extend(["", f"[{'.'.join(_toml_key(part) for part in path)}]"])
        for key, value in section.items():
            if not isinstance(value, Mapping):
                lines.append(f"{_toml_key(key)} = {_toml_value(value)}")
        for key, value in section.items():
            if isinstance(value, Mapping):
                emit(value, (*path, key))

    emit(table, ())
    return "\n".join(lines) + "\n"


def _toml_key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key, ensure_ascii=False)


def _toml_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml_value(item) for item in value)}]"
    raise BundleError(
        f"a value of type {type(value).__name__} in the manifest", "text, number, truth or list"
    )
