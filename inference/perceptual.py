"""LPIPS (Zhang et al. 2018) with a backbone of our own, or with a published one read from a file.

The published backbones are downloads of hundreds of megabytes that know photographs; ours is a small network
that was trained to read a drawn portrait's attributes, so its features see what a person would call a change.
The distance itself is the `lpips` package's. Nothing here downloads anything.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from inference.encoders.indomain import Trunk
from inference.errors import BundleError, RegistryError, ShapeError

LPIPS_NETS = ("alex", "squeeze", "vgg")

_SCHEMAS: list[Any] = []  # a Library's operators vanish when it is collected


def import_lpips() -> ModuleType:
    """The lpips package, also where torchvision's compiled operators do not fit the installed torch.

    torchvision registers shape rules for its operators while it is imported, and raises when its compiled
    half could not be loaded (a CPU build of torch beside an ordinary torchvision). We use none of these
    operators, so declaring their schemas is all that the import needs.
    """
    try:
        import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        schemas: Any = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
        schemas.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        schemas.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _SCHEMAS.append(schemas)
    return import_module("lpips")


class TrunkNet(nn.Module):
    """Our backbone: a picture -> features at five sizes; with `outputs`, as many numbers from the last."""

    def __init__(self, *, resolution: int, widths: Mapping[str, int], outputs: int) -> None:
        super().__init__()
        self.trunk = Trunk(resolution, widths)
        self.head = nn.Linear(self.trunk.channels[-1] * 16, outputs) if outputs else None

    def forward(self, images: Tensor) -> list[Tensor]:
        """scaled images [B, 3, R, R] -> features, finest first."""
        return self.trunk(images)  # type: ignore[no-any-return]

    def predict(self, features: Sequence[Tensor]) -> Tensor:
        """Features of a batch -> the scene's numbers as the network reads them, [B, K]."""
        assert self.head is not None
        return self.head(F.leaky_relu(features[-1], 0.2).flatten(1)).float()  # type: ignore[no-any-return]


class Perceptual(nn.Module):
    """Callable distance: images a, b [B, 3, H, W] in [-1, 1] -> [B], 0 for equal pictures.

    `net="attributes"` and `net="patches"` are our backbones: one learned to read a scene's numbers, the
    other, without any label, to recognise places of pictures that were disturbed. Their unit-normalised
    features are compared without learned channel weights (lpips' "baseline" mode, since no human judgements
    of drawn portraits exist). "alex", "vgg" and "squeeze" are the published ones, whose weights come from a
    file (`load_backbone`) or from a bundle.
    """

    def __init__(
        self,
        *,
        net: str = "attributes",
        resolution: int = 128,
        widths: Mapping[str, int] | None = None,
        outputs: int = 0,
    ) -> None:
        super().__init__()
        lpips = import_lpips()
        self.config: dict[str, Any] = {"net": net}
        if net in LPIPS_NETS:
            self.metric = _quiet(lpips.LPIPS, net=net, lpips=True)
        elif widths and net == ("attributes" if outputs else "patches"):
            self.config |= {"resolution": resolution, "widths": dict(widths)}
            if outputs:
                self.config["outputs"] = outputs
            backbone = TrunkNet(resolution=resolution, widths=widths, outputs=outputs)
            self.metric = _quiet(lpips.LPIPS, net="squeeze", lpips=False)
            self.metric.net = backbone
            self.metric.chns = backbone.trunk.channels
            self.metric.L = len(backbone.trunk.channels)
        else:
            raise RegistryError(
                f"perceptual configuration net={net!r}, widths={widths}, outputs={outputs}",
                f"net 'attributes' with widths and outputs, 'patches' with widths, or one of {LPIPS_NETS}",
                code="registry:perceptual",
            )
        self.net = net
        self.metric.requires_grad_(False).eval()

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """images [B, 3, H, W], twice -> distances [B]."""
        if a.shape != b.shape or a.dim() != 4 or a.shape[1] != 3:
            raise ShapeError(
                f"images of shapes {tuple(a.shape)} and {tuple(b.shape)}",
                "two batches [B, 3, H, W] of one shape",
                code="shape:images",
            )
        return self.metric(a, b).reshape(a.shape[0])  # type: ignore[no-any-return]

    def features(self, images: Tensor) -> list[Tensor]:
        """images [B, 3, H, W] -> unit-normalised features; an optimisation computes its target's once."""
        outputs = self.metric.net(self.metric.scaling_layer(images))
        return [F.normalize(output.float(), dim=1, eps=1e-10) for output in outputs]

    def compare(self, a: Sequence[Tensor], b: Sequence[Tensor]) -> Tensor:
        """Two pictures' `features` -> the same distances [B] as calling with the pictures."""
        total = torch.zeros(a[0].shape[0], device=a[0].device)
        for level, (x, y) in enumerate(zip(a, b, strict=True)):
            difference = (x - y).square()
            if self.metric.lpips:
                total = total + self.metric.lins[level](difference).mean((1, 2, 3))
            else:
                total = total + difference.sum(1).mean((1, 2))
        return total

    def predict(self, images: Tensor) -> Tensor:
        """Our backbone's reading of the scene vector, [B, K]."""
        backbone = self.metric.net
        if not isinstance(backbone, TrunkNet) or backbone.head is None:
            raise RegistryError(f"perceptual net {self.net!r}", "'attributes', which reads scenes")
        return backbone.predict(backbone(self.metric.scaling_layer(images)))


def _quiet(build: Any, **options: Any) -> Any:
    """An LPIPS without downloads, and without the warnings of the torchvision calls inside it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return build(pretrained=False, pnet_rand=True, verbose=False, **options)


def load_backbone(net: str, backbone: Path, linear: Path | None = None) -> Perceptual:
    """A published LPIPS from files: torchvision's classifier weights, and the channel weights of `lpips`.

    `backbone` holds keys such as "features.0.weight" (torchvision's alexnet, vgg16 or squeezenet1_1) as
    .safetensors or as a .pth that holds tensors only; `linear` defaults to the file in the lpips package.
    """
    if net not in LPIPS_NETS:
        raise RegistryError(f"LPIPS backbone {net!r}", f"one of {LPIPS_NETS}", code="registry:perceptual")
    perceptual = Perceptual(net=net)
    if linear is None:
        linear = Path(str(import_lpips().__file__)).parent / "weights" / "v0.1" / f"{net}.pth"
    state = _read_tensors(linear)
    target = perceptual.metric.net.state_dict()
    home = {key.split(".", 1)[1]: key for key in target}  # "0.weight" -> "slice1.0.weight"
    for key, value in _read_tensors(backbone).items():
        name = key.removeprefix("features.")
        if key.startswith("features.") and name in home:
            state[f"net.{home[name]}"] = value
    wanted = perceptual.metric.state_dict()
    missing = sorted(k for k in wanted if k not in state and not k.startswith(("scaling_layer", "lins.")))
    wrong = sorted(k for k in state if k in wanted and state[k].shape != wanted[k].shape)
    if missing or wrong:
        raise BundleError(
            f"{backbone.name} without {missing[:3]} or with other shapes at {wrong[:3]}",
            f"the weights of torchvision's {net} network",
            "pass the file that torchvision publishes for it",
            code="bundle:perceptual",
        )
    perceptual.metric.load_state_dict({k: v for k, v in state.items() if k in wanted}, strict=False)
    return perceptual


def _read_tensors(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise BundleError(
            f"{path.name}: {error}",
            "a readable file of tensors (.safetensors or .pth)",
            code="bundle:perceptual",
        ) from error
    return {str(key): value for key, value in state.items() if isinstance(value, Tensor)}
