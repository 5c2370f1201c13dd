"""StyleGAN2 (Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN") in plain PyTorch.

Skip generator with weight demodulation, equalised learning rates and [1, 3, 3, 1] filtered upsampling.
No custom kernels: a modulated convolution is computed as scale input -> shared convolution -> scale
output, which is the same arithmetic (the style commutes with the convolution) and the fastest on CPUs.
Refuses mixed precision by itself: precision is the caller's (autocast) business.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inference.errors import RegistryError, ShapeError
from inference.generators.base import GENERATORS, Generator, truncate

_GAIN = math.sqrt(2.0)


def activate(x: Tensor) -> Tensor:
    """Leaky rectifier, in place; its variance-keeping gain sqrt(2) is folded into what comes before it."""
    return F.leaky_relu(x, 0.2, inplace=True)


class EqualLinear(nn.Module):
    """Linear layer with equalised learning rate: y = x W^T * gain/sqrt(fan_in) + b."""

    def __init__(
        self, inputs: int, outputs: int, *, bias: float = 0.0, gain: float = 1.0, lr_multiplier: float = 1.0
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / lr_multiplier)
        self.bias = nn.Parameter(torch.full((outputs,), bias / lr_multiplier))
        self.weight_gain = gain * lr_multiplier / math.sqrt(inputs)
        self.bias_gain = lr_multiplier

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.weight_gain, self.bias * self.bias_gain)


class ModulatedConv(nn.Module):
    """Convolution whose input channels are scaled by a style, with optional demodulation and upsampling."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        code_dim: int,
        *,
        demodulate: bool = True,
        up: bool = False,
    ) -> None:
        super().__init__()
        self.affine = EqualLinear(code_dim, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.weight_gain = 1.0 / math.sqrt(inputs * kernel * kernel)
        self.padding = kernel // 2
        self.demodulate = demodulate
        self.up = up
        if up:
            taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 4.0
            fir = (taps[:, None] * taps[None, :]).expand(outputs, 1, 4, 4)
            self.register_buffer("fir", fir.contiguous(), persistent=False)

    def forward(self, x: Tensor, w: Tensor, bias: Tensor) -> Tensor:
        """x [B, I, H, W], w [B, D], bias [O] -> [B, O, H or 2H, W or 2W].

        The bias comes in here because adding and scaling in one pass saves a walk through the picture.
        """
        style = self.affine(w)  # [B, I]
        if self.demodulate:
            # a style's scale cancels in the demodulation; dividing it out keeps low precision exact enough
            style = style * torch.rsqrt(style.square().mean(1, keepdim=True) + 1e-8)
        weight = self.weight * self.weight_gain
        x = x * style.to(x.dtype)[:, :, None, None]
        if self.up:
            x = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)
            x = F.conv2d(x, self.get_buffer("fir").to(x.dtype), padding=1, groups=x.shape[1])
        else:
            x = F.conv2d(x, weight, padding=self.padding)
        if self.demodulate:
            power = weight.square().sum((2, 3))  # [O, I]
            scale = torch.rsqrt(F.linear(style.square(), power) + 1e-8)  # [B, O]
            return torch.addcmul(
                bias.to(x.dtype)[None, :, None, None], x, (scale * _GAIN).to(x.dtype)[:, :, None, None]
            )
        return x + bias.to(x.dtype)[None, :, None, None]


class StyledConv(nn.Module):
    """Modulated convolution, noise, bias, activation: one layer of the synthesis network."""

    def __init__(
        self, inputs: int, outputs: int, resolution: int, code_dim: int, *, up: bool = False
    ) -> None:
        super().__init__()
        self.conv = ModulatedConv(inputs, outputs, 3, code_dim, up=up)
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("noise_const", torch.randn(resolution, resolution))

    def forward(self, x: Tensor, w: Tensor, noise: str) -> Tensor:
        x = self.conv(x, w, self.bias)
        if noise == "random":
            x = x + torch.randn_like(x[:, :1]) * self.noise_strength.to(x.dtype)
        elif noise == "const":
            x = x + (self.get_buffer("noise_const") * self.noise_strength).to(x.dtype)
        return activate(x)


class ToRGB(nn.Module):
    """Modulated 1x1 convolution to a picture, without demodulation: one small matrix a picture."""

    def __init__(self, inputs: int, code_dim: int) -> None:
        super().__init__()
        self.affine = EqualLinear(code_dim, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(3, inputs))
        self.weight_gain = 1.0 / math.sqrt(inputs)
        self.bias = nn.Parameter(torch.zeros(3))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """x [B, I, H, W], w [B, D] -> [B, 3, H, W] in float32."""
        weight = self.weight * self.weight_gain * self.affine(w)[:, None, :]  # [B, 3, I]
        flat = x.permute(0, 2, 3, 1).flatten(1, 2)  # [B, HW, I]
        rgb = torch.bmm(flat, weight.transpose(1, 2).to(x.dtype))  # [B, HW, 3]
        return rgb.float().transpose(1, 2).reshape(-1, 3, *x.shape[2:]) + self.bias[None, :, None, None]


class Block(nn.Module):
    """One resolution: an upsampling layer (not at 4 px), a layer, and the picture that it adds (toRGB)."""

    def __init__(self, inputs: int, outputs: int, resolution: int, code_dim: int) -> None:
        super().__init__()
        self.up = StyledConv(inputs, outputs, resolution, code_dim, up=True) if resolution > 4 else None
        self.conv = StyledConv(outputs, outputs, resolution, code_dim)
        self.rgb = ToRGB(outputs, code_dim)


class MappingNetwork(nn.Module):
    """z -> w. With `linear_skip`, w = A z + MLP(z), so that straight lines in z stay nearly straight in w."""

    def __init__(
        self,
        z_dim: int,
        code_dim: int,
        layers: int,
        hidden: int,
        *,
        normalize: bool,
        linear_skip: bool,
        lr_multiplier: float,
    ) -> None:
        super().__init__()
        self.normalize = normalize
        widths = [z_dim] + [hidden] * (layers - 1) + [code_dim]
        self.layers = nn.ModuleList(
            EqualLinear(a, b, gain=_GAIN, lr_multiplier=lr_multiplier) for a, b in itertools.pairwise(widths)
        )
        self.skip = EqualLinear(z_dim, code_dim) if linear_skip else None

    def forward(self, z: Tensor) -> Tensor:
        """z [B, Z] -> w [B, D]."""
        if self.normalize:
            z = z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8)
        w = z
        for index, layer in enumerate(self.layers):
            w = layer(w)
            if self.skip is None or index < len(self.layers) - 1:
                w = activate(w)
        return w if self.skip is None else self.skip(z) + 0.3 * w


@GENERATORS.register("stylegan2")
class StyleGAN2Generator(Generator):
    """The whole generator. `widths` gives the channels at each resolution, as text keys (TOML tables)."""

    family = "stylegan2"
    space = "W+"

    def __init__(
        self,
        *,
        resolution: int,
        widths: Mapping[str, int],
        z_dim: int,
        code_dim: int,
        mapping_layers: int = 8,
        mapping_hidden: int | None = None,
        mapping_lr_multiplier: float = 0.01,
        normalize_z: bool = True,
        linear_skip: bool = False,
    ) -> None:
        super().__init__()
        self.config: dict[str, Any] = {
            "resolution": resolution,
            "widths": dict(widths),
            "z_dim": z_dim,
            "code_dim": code_dim,
            "mapping_layers": mapping_layers,
            "mapping_hidden": mapping_hidden or code_dim,
            "mapping_lr_multiplier": mapping_lr_multiplier,
            "normalize_z": normalize_z,
            "linear_skip": linear_skip,
        }
        self.resolution = resolution
        self.resolutions = [2**k for k in range(2, int(math.log2(resolution)) + 1)]
        missing = [r for r in self.resolutions if str(r) not in widths]
        if self.resolutions[-1:] != [resolution] or missing:
            raise RegistryError(
                f"resolution {resolution} with widths {dict(widths)}",
                "a power of two from 4 up, and a width for each resolution up to it",
                code="registry:generator-config",
            )
        self.z_dim = z_dim
        self.code_dim = code_dim
        self.num_layers = 2 * len(self.resolutions)
        self.map = MappingNetwork(
            z_dim,
            code_dim,
            mapping_layers,
            mapping_hidden or code_dim,
            normalize=normalize_z,
            linear_skip=linear_skip,
            lr_multiplier=mapping_lr_multiplier,
        )
        first = int(widths["4"])
        self.const = nn.Parameter(torch.randn(1, first, 4, 4))
        inputs = [first] + [int(widths[str(r)]) for r in self.resolutions[:-1]]
        self.blocks = nn.ModuleList(
            Block(i, int(widths[str(r)]), r, code_dim) for i, r in zip(inputs, self.resolutions, strict=True)
        )
        self.register_buffer("w_avg", torch.zeros(code_dim))

    def mapping(
        self, z: Tensor, label: Tensor | None = None, truncation: float = 1.0, cutoff: int | None = None
    ) -> Tensor:
        """z [B, Z] -> codes [B, L, D]. This family, as we train it, is unconditional: label must be None."""
        if z.dim() != 2 or z.shape[1] != self.z_dim:
            raise ShapeError(f"z of shape {tuple(z.shape)}", f"[B, {self.z_dim}]", code="shape:z")
        if label is not None:
            raise ShapeError("a label", "None: this generator is unconditional", code="shape:label")
        codes = self.map(z)[:, None, :].expand(-1, self.num_layers, -1)  # [B, L, D]
        return truncate(codes, self.w_avg, truncation, cutoff)

    def style_weights(self) -> list[Tensor]:
        """The affine weights [S_l, D] of each layer's modulated convolution.

        A code that drives a convolution and the toRGB before it counts for the convolution; the last one
        drives a toRGB alone.
        """
        blocks = [block for block in self.blocks if isinstance(block, Block)]
        layers = [layer for block in blocks for layer in (block.up, block.conv) if layer is not None]
        affines = [*(layer.conv.affine for layer in layers), blocks[-1].rgb.affine]
        return [affine.weight * affine.weight_gain for affine in affines]

    def synthesis(self, codes: Tensor, noise: str = "const") -> Tensor:
        """codes [B, L, D] -> images [B, 3, R, R]."""
        return self.pyramid(codes, noise, self.resolution)

    def pyramid(self, codes: Tensor, noise: str, resolution: int) -> Tensor:
        """The picture as it stands at `resolution`, the finer blocks left out (progressive training).

        Codes are used as in the paper's released networks: at 4 px code 0 (layer) and 1 (toRGB); at the k-th
        resolution 2k-1 (upsampling layer, shared with the toRGB before it), 2k (layer) and 2k+1 (toRGB).
        """
        self.check_codes(codes)
        self.check_noise(noise)
        x = self.const.expand(codes.shape[0], -1, -1, -1).contiguous(memory_format=torch.channels_last)
        image: Tensor | None = None
        for k, block in enumerate(self.blocks):
            assert isinstance(block, Block)
            if block.up is not None:
                x = block.up(x, codes[:, 2 * k - 1], noise)
            x = block.conv(x, codes[:, 2 * k], noise)
            rgb = block.rgb(x, codes[:, 2 * k + 1])
            image = rgb if image is None else rgb + upsample(image)
            if self.resolutions[k] == resolution:
                break
        assert image is not None
        return image


def upsample(image: Tensor) -> Tensor:
    """[1, 3, 3, 1] filtered doubling of a picture, [B, 3, H, W] -> [B, 3, 2H, 2W] (bilinear, no other)."""
    return F.interpolate(image, scale_factor=2, mode="bilinear", align_corners=False)
