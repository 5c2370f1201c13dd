"""Image -> code, after Zhu et al. 2020 (In-Domain GAN Inversion for Real Image Editing).

Start: z = E(x). Then Adam on z alone, section 3.3 of the paper with our own perceptual network:

    L(z) = mean (x - G(z))^2  +  PERCEPTUAL * lpips(x, G(z))  +  DOMAIN * mean (z - E(G(z)))^2 / s^2

where s is the generator's own spread of codes, so that neither the weights nor the learning rate depend on
the scale of a latent space. The last term keeps the code where the encoder, and so every direction, means
something. Each image has its own loss, its own Adam state and its own end: a picture's result does not depend
on the company it was inverted in. Neither noise inputs nor weights are optimised here, and nothing outlives a
call.
"""

from __future__ import annotations

import numbers
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from inference.descent import descend
from inference.direction_files import read_arrays, write_arrays
from inference.errors import DirectionError, OptionError
from inference.images import check_images

if TYPE_CHECKING:
    from inference.bundle import Bundle

DEFAULT_STEPS = 30
BATCH = 16  # images optimised at once; more only costs memory
# in units of the spread s; with 0.05 one picture in twenty overshot and ended after 5 steps, its code apart
LEARNING_RATE = 0.03
PERCEPTUAL = 0.003  # our distance was 2.4 where the mean squared error was 0.024
DOMAIN = 0.1
KIND = "inversion"

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Inversion:
    """Codes of B images, with how good they are.

    Attributes:
        codes: `[B, L, D]`.
        images: the reconstructions G(codes), `[B, 3, H, W]` in [-1, 1].
        errors: `[B]`, see `reconstruction_error`; compare with `bundle.thresholds["out_of_domain"]`.
        psnr: `[B]` in dB.
        lpips: `[B]`, the bundle's perceptual distance.
        steps: `[B]`, optimisation steps taken; 0 is the encoder alone.
        digest: sha256 of the bundle, without which the codes mean nothing.
    """

    codes: torch.Tensor  # [B, L, D]
    images: torch.Tensor  # [B, 3, H, W]
    errors: torch.Tensor  # [B]
    psnr: torch.Tensor  # [B]
    lpips: torch.Tensor  # [B]
    steps: torch.Tensor  # [B]
    digest: str

    def __len__(self) -> int:
        return int(self.codes.shape[0])

    def __getitem__(self, key: int | slice) -> Inversion:
        """One image or a slice of them, as an Inversion with a batch axis."""
        rows = key if isinstance(key, slice) else slice(key, key + 1 or None)
        return Inversion(
            self.codes[rows],
            self.images[rows],
            self.errors[rows],
            self.psnr[rows],
            self.lpips[rows],
            self.steps[rows],
            self.digest,
        )

    def __iter__(self) -> Iterator[Inversion]:
        return (self[row] for row in range(len(self)))


def invert(
    bundle: Bundle, images: torch.Tensor, steps: int = DEFAULT_STEPS, progress: Progress | None = None
) -> Inversion:
    """Find the codes of images.

    Args:
        bundle: generator, encoder and perceptual network.
        images: `[B, 3, H, W]` in [-1, 1] at the generator's resolution.
        steps: at most so many optimisation steps an image; 0 is the encoder only.
        progress: called with (steps done, steps in all) after each step; what it raises ends the work.
    Raises:
        ShapeError: images of another shape, type or range.
        OptionError: negative steps.

    Example:
        >>> inversion = invert(bundle, read_image("face.png", bundle.generator.resolution))
        >>> inversion.codes.shape
        torch.Size([1, 12, 128])
    """
    check_steps(steps)
    check_images(images, bundle.generator.resolution)
    targets = images.to(bundle.device, torch.float32)
    chunks = torch.split(targets, BATCH)
    total = steps * len(chunks)
    codes: list[torch.Tensor] = []
    taken: list[torch.Tensor] = []
    for number, chunk in enumerate(chunks):
        done = number * steps

        def report(step: int, done: int = done) -> None:
            if progress is not None:
                progress(done + step, total)

        with torch.no_grad():
            start = bundle.encoder(chunk)  # [b, L, D]
        if steps:
            problem = _Reconstruction(bundle, chunk)
            rate = LEARNING_RATE * problem.spread
            start, count = descend(problem, start, steps=steps, rate=rate, report=report)
        else:
            count = torch.zeros(len(chunk), dtype=torch.int64)
        codes.append(start)
        taken.append(count.cpu())
    return assess(bundle, targets, torch.cat(codes), steps=torch.cat(taken))


def check_steps(steps: object) -> None:
    """OptionError for anything but a whole number from 0."""
    if isinstance(steps, bool) or not isinstance(steps, numbers.Integral) or steps < 0:
        raise OptionError(f"steps={steps!r}", "a whole number, 0 or more", code="option:steps")


def assess(bundle: Bundle, images: torch.Tensor, codes: torch.Tensor, *, steps: torch.Tensor) -> Inversion:
    """Reconstruct codes `[B, L, D]` and measure them against images `[B, 3, H, W]`."""
    parts = []
    with torch.no_grad():
        for target, code in zip(torch.split(images, BATCH), torch.split(codes, BATCH), strict=True):
            made = bundle.generator.synthesis(code).clamp(-1, 1)  # [b, 3, H, W]
            distance = bundle.perceptual(target, made)  # [b]
            parts.append((made, _error(target, made, distance), _psnr(target, made), distance))
    made_all, errors, psnr, lpips = (torch.cat(part) for part in zip(*parts, strict=True))
    return Inversion(codes, made_all, errors, psnr, lpips, steps, bundle.digest)


def reconstruction_error(bundle: Bundle, images: torch.Tensor, reconstructions: torch.Tensor) -> torch.Tensor:
    """The scalar by which a picture is known to be outside the generator's world, `[B]`.

    images and reconstructions `[B, 3, H, W]` in [-1, 1]. The geometric mean of perceptual distance and root
    mean squared error. The first notices wrong texture, the second wrong colour; smooth scenery passes the
    one and fine texture the other, and in the product their excesses add up, whatever the scale of each.
    """
    with torch.no_grad():
        return _error(images, reconstructions, bundle.perceptual(images, reconstructions))


def _error(images: torch.Tensor, made: torch.Tensor, distance: torch.Tensor) -> torch.Tensor:
    rms = (images - made).square().mean(dim=(1, 2, 3)).sqrt()  # [B]
    return (distance * rms).sqrt()


def _psnr(images: torch.Tensor, made: torch.Tensor) -> torch.Tensor:
    """Peak signal-to-noise ratio in dB; the peak of [-1, 1] is 2. [B, 3, H, W] -> [B]."""
    return 10.0 * torch.log10(4.0 / (images - made).square().mean(dim=(1, 2, 3)).clamp_min(1e-10))


def code_spread(bundle: Bundle) -> float:
    """s: root mean squared distance, per number, of mapped codes from their mean: the space's own unit."""
    generator = bundle.generator
    z = torch.randn(256, generator.z_dim, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        codes = generator.mapping(z.to(bundle.device))  # [256, L, D]
    return float((codes - codes.mean(dim=0)).square().mean().sqrt().clamp_min(1e-6))


class _Reconstruction:
    """The images still being optimised, each one a row for `descend`; its codes are `[b, L, D]`."""

    def __init__(self, bundle: Bundle, target: torch.Tensor) -> None:
        self.bundle = bundle
        self.spread = code_spread(bundle)
        self.target = target  # [b, 3, H, W]
        with torch.no_grad():
            self.features = bundle.perceptual.features(target)  # [b, C, h, w] each

    def losses(self, codes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        made = self.bundle.generator.synthesis(codes)  # [b, 3, H, W]
        loss = reconstruction_loss(self.bundle, made, self.target, self.features)
        return loss, loss + DOMAIN * strayed(self.bundle, codes, made, self.spread)

    def keep(self, rows: torch.Tensor) -> None:
        self.target = self.target[rows]
        self.features = [level[rows] for level in self.features]


def reconstruction_loss(
    bundle: Bundle, made: torch.Tensor, target: torch.Tensor, features: list[torch.Tensor]
) -> torch.Tensor:
    """The first two terms: images made and wanted `[b, 3, H, W]`, the latter's features -> `[b]`."""
    squared = (made - target).square().mean(dim=(1, 2, 3))
    distance = bundle.perceptual.compare(features, bundle.perceptual.features(made))  # [b]
    return squared + PERCEPTUAL * distance


def strayed(bundle: Bundle, codes: torch.Tensor, made: torch.Tensor, spread: float) -> torch.Tensor:
    """The domain term: how far codes `[b, L, D]` are from the encoder's of their pictures, `[b]`."""
    distance: torch.Tensor = (codes - bundle.encoder(made)).square().mean(dim=(1, 2))
    return distance / spread**2


def save_inversion(inversion: Inversion, path: str | os.PathLike[str]) -> None:
    """Write codes and errors, without pictures, to .safetensors or .npz."""
    arrays = {"codes": inversion.codes.cpu().numpy(), "errors": inversion.errors.cpu().numpy()}
    write_arrays(path, arrays, {"kind": KIND, "digest": inversion.digest})


def load_codes(path: str | os.PathLike[str], bundle: Bundle) -> torch.Tensor:
    """Read codes `[B, L, D]` that `save_inversion` wrote, if they are this bundle's."""
    arrays, header = read_arrays(path)
    if header.get("kind") != KIND or "codes" not in arrays:
        raise DirectionError(
            f"a file of kind {header.get('kind')!r}", f"kind {KIND!r}", code="direction:kind"
        )
    if header.get("digest") != bundle.digest:
        raise DirectionError(
            f"codes of generator {str(header.get('digest'))[:12]}",
            f"codes of {bundle.name}, generator {bundle.digest[:12]}",
            "invert the picture again on this generator",
            code="direction:generator",
        )
    codes = torch.from_numpy(np.ascontiguousarray(arrays["codes"])).to(bundle.device)
    bundle.generator.check_codes(codes)
    return codes
