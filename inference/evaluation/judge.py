"""Reads a portrait's scene from its pixels: the independent eye that edits are measured with.

A generator's own encoder or perceptual network must not mark its own work, so the judge is of another
architecture (patches of 4 px, few pre-activated residual blocks with group norm, a dense head that knows
where a feature lies: portraits are aligned) and was trained on drawings of its own, blurred, shifted and
compressed. It is used in no loss, and refuses to be: no gradient comes back from it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from inference.errors import BundleError, ShapeError
from inference.portraits import SCENE_NAMES, SCENE_SIZE

RESOLUTION = 128
HOME = Path(__file__).parent / "judge_weights"  # the weights that the project quotes its evidence with
FORMAT = 1

_BATCH = 64  # pictures read at a time: about 150 MB of activations


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions, each after group norm and SiLU, beside the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.GroupNorm(8, channels) for _ in range(2))
        self.convs = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> the same shape."""
        y = x
        for norm, conv in zip(self.norms, self.convs, strict=True):
            y = conv(F.silu(norm(y)))
        return x + y


class JudgeNet(nn.Module):
    """images [B, 3, 128, 128] in [-1, 1] -> scenes [B, 38] as it reads them, not clipped to 0..1.

    `widths` are the channels at 32, 16 and 8 px. `mean` and `std` are those of the population, so that the
    layers learn numbers of variance 1.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, *, widths: tuple[int, int, int] = (40, 64, 96), squeeze: int = 32, hidden: int = 128
    ) -> None:
        super().__init__()
        self.config: dict[str, Any] = {"widths": list(widths), "squeeze": squeeze, "hidden": hidden}
        first, second, third = widths
        self.features = nn.Sequential(
            nn.PixelUnshuffle(4),  # [B, 48, 32, 32]
            nn.Conv2d(48, first, 1),
            nn.SiLU(),
            nn.Conv2d(first, second, 3, stride=2, padding=1),  # [B, 64, 16, 16]
            ResidualBlock(second),
            nn.GroupNorm(8, second),
            nn.Conv2d(second, third, 3, stride=2, padding=1),  # [B, 96, 8, 8]
            ResidualBlock(third),
            nn.GroupNorm(8, third),
            nn.Conv2d(third, squeeze, 1),
            nn.SiLU(),
        )
        self.head = nn.Sequential(
            nn.Flatten(), nn.Linear(squeeze * 64, hidden), nn.SiLU(), nn.Linear(hidden, SCENE_SIZE)
        )
        self.register_buffer("mean", torch.full((SCENE_SIZE,), 0.5))
        self.register_buffer("std", torch.full((SCENE_SIZE,), 12**-0.5))

    def forward(self, images: Tensor) -> Tensor:
        """[B, 3, 128, 128] -> [B, 38]."""
        standard: Tensor = self.head(self.features(images)).float()
        return self.mean + self.std * standard


@dataclass(frozen=True)
class Judge:
    """A trained judge and what was measured of it on drawings that it never saw.

    `sigma` [38]: standard deviation of its readings over balanced drawings, the unit of "how much else
    changed". `r2` [38]: share of the true numbers' variance that it reads, on drawings as they are;
    `r2_worn` [38]: the same after blur and JPEG. `facts` tell on how many and on whom, and the training.
    """

    network: JudgeNet
    sigma: Tensor
    r2: Tensor
    r2_worn: Tensor
    facts: dict[str, Any]

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> Tensor:
        """images [B, 3, 128, 128] in [-1, 1] -> scenes [B, 38] in scene units (0..1, not clipped).

        Raises ShapeError for anything else.
        """
        wanted = (3, RESOLUTION, RESOLUTION)
        if images.dim() != 4 or tuple(images.shape[1:]) != wanted or not images.is_floating_point():
            raise ShapeError(
                f"images of shape {tuple(images.shape)} and type {images.dtype}",
                f"float pictures [B, 3, {RESOLUTION}, {RESOLUTION}] in [-1, 1]",
                "turn bytes into such pictures with inference.images",
                code="shape:images",
            )
        return torch.cat([self.network(part.float()) for part in torch.split(images, _BATCH)])

    @property
    def weights(self) -> bytes:
        """The network as a safetensors file in fp16."""
        return save({name: value.half() for name, value in self.network.state_dict().items()})

    @property
    def digest(self) -> str:
        """sha256 of the weights."""
        return hashlib.sha256(self.weights).hexdigest()

    def save(self, folder: Path) -> None:
        """Write weights (fp16) and figures; the figures name the weights' digest."""
        folder.mkdir(parents=True, exist_ok=True)
        described = {
            "format": FORMAT,
            "sha256": self.digest,
            "config": self.network.config,
            "facts": self.facts,
            "readings": {
                name: {
                    "sigma": round(float(self.sigma[k]), 5),
                    "r2": round(float(self.r2[k]), 4),
                    "r2_worn": round(float(self.r2_worn[k]), 4),
                }
                for k, name in enumerate(SCENE_NAMES)
            },
        }
        (folder / "judge.safetensors").write_bytes(self.weights)
        (folder / "judge.json").write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path = HOME) -> Judge:
        """The judge in a folder, by default the project's own.

        Raises BundleError where a file is missing or damaged, or the weights are not those measured.
        """
        try:
            described = json.loads((folder / "judge.json").read_text(encoding="utf-8"))
            weights = (folder / "judge.safetensors").read_bytes()
            version, digest, config = described["format"], described["sha256"], described["config"]
            rows = [described["readings"][name] for name in SCENE_NAMES]
            figures = [torch.tensor([row[key] for row in rows]) for key in ("sigma", "r2", "r2_worn")]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _refusal(f"{folder.name}: {type(error).__name__}: {error}") from error
        if version != FORMAT:
            raise _refusal(f"{folder.name} of format {version!r}")
        if hashlib.sha256(weights).hexdigest() != digest:
            raise _refusal(f"{folder.name} with other weights than its figures were measured on")
        network = JudgeNet(**{**config, "widths": tuple(config["widths"])})
        try:
            network.load_state_dict({name: value.float() for name, value in load(weights).items()})
        except (SafetensorError, RuntimeError) as error:
            raise _refusal(f"{folder.name}: {error}") from error
        network.eval().requires_grad_(False)
        return cls(network, figures[0], figures[1], figures[2], dict(described["facts"]))


def _refusal(came: str) -> BundleError:
    return BundleError(
        came,
        f"judge.json and judge.safetensors of format {FORMAT}, written together",
        "train one with `python -m inference train-judge`, or take both files from the repository",
        code="bundle:judge",
    )
