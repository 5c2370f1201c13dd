"""The in-domain encoder (Zhu et al. 2020): a small residual network from a picture to W+.

One code for all layers (W) comes from the pooled features; a second head adds what each layer needs beyond
it (W+), which training keeps small so that codes stay in the generator's domain. No batch norm: its
statistics of tiny batches cost the feasibility study a decibel. Refuses pictures of another size.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inference.encoders.base import ENCODERS, Encoder


class DownBlock(nn.Module):
    """Residual block that halves the picture: two 3x3 layers beside a pooled 1x1 shortcut."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, inputs, 3, padding=1)
        self.second = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)
        self.skip = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[B, I, H, W] -> [B, O, H/2, W/2]."""
        y = F.leaky_relu(self.first(F.leaky_relu(x, 0.2)), 0.2)
        return self.second(y) + self.skip(F.avg_pool2d(x, 2))  # type: ignore[no-any-return]


class Trunk(nn.Module):
    """Picture -> features at R/2, R/4, ... 4 px. The first step folds 2x2 pixels into channels."""

    def __init__(self, resolution: int, widths: Mapping[str, int]) -> None:
        super().__init__()
        sizes = [resolution // 2**k for k in range(1, int(math.log2(resolution)) - 1)]
        channels = [int(widths[str(size)]) for size in sizes]
        self.sizes = sizes
        self.channels = channels
        self.stem = nn.Conv2d(12, channels[0], 3, padding=1)
        self.blocks = nn.ModuleList(DownBlock(a, b) for a, b in itertools.pairwise(channels))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, 0.2)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        for block in self.blocks:
            assert isinstance(block, DownBlock)
            with torch.no_grad():  # the sum of two unit-variance branches is brought back to one
                block.second.weight *= math.sqrt(0.5)
                block.skip.weight *= math.sqrt(0.5)

    def forward(self, images: Tensor) -> list[Tensor]:
        """images [B, 3, R, R] -> features, finest first."""
        x = self.stem(F.pixel_unshuffle(images, 2).contiguous(memory_format=torch.channels_last))
        features = [x]
        for block in self.blocks:
            x = block(x)
            features.append(x)
        return features


@ENCODERS.register("indomain")
class InDomainEncoder(Encoder):
    """`widths` gives the channels at R/2 .. 4 px as text keys; `hidden` the width before the two heads.

    Without `per_layer` there is no second head: every layer has the same code (W).
    """

    family = "indomain"

    def __init__(
        self,
        *,
        resolution: int,
        widths: Mapping[str, int],
        num_layers: int,
        code_dim: int,
        hidden: int = 256,
        per_layer: bool = True,
    ) -> None:
        super().__init__()
        self.config: dict[str, Any] = {
            "resolution": resolution,
            "widths": dict(widths),
            "num_layers": num_layers,
            "code_dim": code_dim,
            "hidden": hidden,
        }
        if not per_layer:  # absent where true: bundles made before there was a choice keep their digest
            self.config["per_layer"] = False
        self.resolution = resolution
        self.num_layers = num_layers
        self.code_dim = code_dim
        self.trunk = Trunk(resolution, widths)
        self.squeeze = nn.Linear(self.trunk.channels[-1] * 16, hidden)
        self.shared = nn.Linear(hidden, code_dim)
        self.deltas = nn.Linear(hidden, num_layers * code_dim) if per_layer else None
        if self.deltas is not None:
            nn.init.zeros_(self.deltas.weight)
            nn.init.zeros_(self.deltas.bias)

    def features(self, images: Tensor) -> Tensor:
        """images [B, 3, R, R] -> [B, hidden]."""
        self.check_images(images)
        deepest = self.trunk(images)[-1]
        return F.leaky_relu(self.squeeze(F.leaky_relu(deepest, 0.2).flatten(1)), 0.2)

    def forward(self, images: Tensor) -> Tensor:
        """images [B, 3, R, R] -> codes [B, L, D]."""
        w, deltas = self.split(images)
        return w[:, None, :] + deltas

    def split(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The two parts of a code: w [B, D] and the deltas [B, L, D]."""
        hidden = self.features(images)
        w = self.shared(hidden).float()
        if self.deltas is None:
            return w, torch.zeros_like(w)[:, None, :].expand(-1, self.num_layers, -1)
        deltas = self.deltas(hidden).view(-1, self.num_layers, self.code_dim)
        return w, deltas.float()
