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

from inference.direction_files import read_arrays, write_arrays
from inference.errors import DirectionError, OptionError
from inference.images import check_images

if TYPE_CHECKING:
    from inference.bundle import Bundle

DEFAULT_STEPS = 30
BATCH = 16  # images optimised at once; more only costs memory
# in units of the spread s; with 0.05 one picture in twenty overshot and ended after 5 steps, its code apart
LEARNING_RATE = 0.03
BETAS = (0.9, 0.95)
PERCEPTUAL = 0.003  # our distance was 2.4 where the mean squared error was 0.024
DOMAIN = 0.1
PATIENCE = 5  # an image ends when so many steps together
ENOUGH = 0.01  # lower its loss by less than this share
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
    if isinstance(steps, bool) or not isinstance(steps, numbers.Integral) or steps < 0:
        raise OptionError(f"steps={steps!r}", "a whole number, 0 or more", code="option:steps")
    check_images(images, bundle.generator.resolution)
    targets = images.to(bundle.device, torch.float32)
    chunks = torch.split(targets, BATCH)
    total = steps * len(chunks)
    codes, taken = [], []
    for number, chunk in enumerate(chunks):
        done = number * steps

        def report(step: int, done: int = done) -> None:
            if progress is not None:
                progress(done + step, total)

        with torch.no_grad():
            start = bundle.encoder(chunk)  # [b, L, D]
        found, count = _optimise(bundle, chunk, start, steps, report) if steps else (start, [0] * len(chunk))
        codes.append(found)
        taken.extend(count)
    return assess(bundle, targets, torch.cat(codes), steps=torch.tensor(taken))


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


@dataclass
class _State:
    """The images still being optimised; every row belongs to one image and moves with it."""

    rows: torch.Tensor  # [b] places in the chunk
    target: torch.Tensor  # [b, 3, H, W]
    features: list[torch.Tensor]  # the target's perceptual features, [b, C, h, w] each
    code: torch.Tensor  # [b, L, D]
    first: torch.Tensor  # [b, L, D] Adam's first moment
    second: torch.Tensor  # [b, L, 1] and its second, one for each layer
    best: torch.Tensor  # [b] lowest loss so far
    mark: torch.Tensor  # [b] lowest loss when progress was last judged

    def keep(self, rows: torch.Tensor) -> None:
        for name in ("rows", "target", "code", "first", "second", "best", "mark"):
            setattr(self, name, getattr(self, name)[rows])
        self.features = [level[rows] for level in self.features]


def _optimise(
    bundle: Bundle, target: torch.Tensor, start: torch.Tensor, steps: int, report: Callable[[int], None]
) -> tuple[torch.Tensor, list[int]]:
    """In-domain optimisation of codes `[b, L, D]` from `start`; the best codes and each image's steps."""
    spread = code_spread(bundle)
    infinite = torch.full((len(target),), torch.inf, device=target.device)
    with torch.no_grad():
        features = bundle.perceptual.features(target)
    state = _State(
        rows=torch.arange(len(target), device=target.device),
        target=target,
        features=features,
        code=start.clone(),
        first=torch.zeros_like(start),
        second=torch.zeros_like(start[..., :1]),
        best=infinite,
        mark=infinite.clone(),
    )
    found = start.clone()
    taken = torch.full((len(target),), steps, device=target.device)
    for step in range(1, steps + 1):
        loss, gradient = _loss_and_gradient(bundle, state, spread)
        _remember(state, loss, found)
        if step % PATIENCE == 1 and step > 1:
            stalled = state.best >= state.mark * (1 - ENOUGH)
            taken[state.rows[stalled]] = step - 1
            state.mark = state.best.clone()
            if bool(stalled.any()):
                gradient = gradient[~stalled]
                state.keep(~stalled)
        elif step == 1:
            state.mark = state.best.clone()
        if len(state.rows) == 0:
            report(steps)
            break
        _adam(state, gradient, LEARNING_RATE * spread, step)
        report(step)
    else:
        with torch.no_grad():  # the last step's codes have not been judged yet
            loss, _ = _losses(bundle, state, spread)
            _remember(state, loss, found)
    return found, taken.tolist()


def _remember(state: _State, loss: torch.Tensor, found: torch.Tensor) -> None:
    better = loss < state.best
    state.best = torch.where(better, loss, state.best)
    found[state.rows[better]] = state.code[better]


def _loss_and_gradient(bundle: Bundle, state: _State, spread: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Each image's own loss `[b]` and its gradient `[b, L, D]`; the sum over images keeps them apart."""
    state.code.requires_grad_(True)
    with torch.enable_grad():
        loss, objective = _losses(bundle, state, spread)
        (gradient,) = torch.autograd.grad(objective.sum(), state.code)
    state.code = state.code.detach()
    return loss.detach(), gradient


def _losses(bundle: Bundle, state: _State, spread: float) -> tuple[torch.Tensor, torch.Tensor]:
    """(loss by which codes are compared, objective whose gradient is followed), each `[b]`."""
    made = bundle.generator.synthesis(state.code)  # [b, 3, H, W]
    loss = (made - state.target).square().mean(dim=(1, 2, 3))
    loss = loss + PERCEPTUAL * bundle.perceptual.compare(state.features, bundle.perceptual.features(made))
    strayed = (state.code - bundle.encoder(made)).square().mean(dim=(1, 2)) / spread**2  # [b]
    return loss, loss + DOMAIN * strayed


def _adam(state: _State, gradient: torch.Tensor, rate: float, step: int) -> None:
    """One Adam step (Kingma and Ba 2015, algorithm 1) with one second moment for each layer of each image.

    With one for each number, Adam moves numbers that do nothing as far as those that matter: noise in every
    direction that is later taken between two codes. This way a step stays where the gradient points.
    """
    first, second = BETAS
    state.first = first * state.first + (1 - first) * gradient
    state.second = second * state.second + (1 - second) * gradient.square().mean(dim=2, keepdim=True)
    mean = state.first / (1 - first**step)
    scale = (state.second / (1 - second**step)).sqrt() + 1e-8
    state.code = state.code - rate * mean / scale


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
