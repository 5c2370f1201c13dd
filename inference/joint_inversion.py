"""Before and after -> code and difference, found together: joint in-domain inversion of pairs.

Two pictures inverted apart err apart, and the difference of two codes keeps both errors. Here one code z and
one difference delta explain both. Start: z = E(x), delta = E(x') - E(x), brought to its space. Then Adam on
z and delta, each pair by itself, with the terms of `inversion.py` for both pictures and three of its own:

    L(z, delta) = R(x, G(z)) + R(x', G(z + delta)) + DOMAIN * (both codes' domain terms)
                + INSIDE  * mean over m   |(G(z + delta) - G(z)) - (x' - x)|
                + OUTSIDE * mean over 1-m |G(z + delta) - G(z)|
                + LASSO   * sum over layer groups g of ||delta_g||_M / (s sqrt(L D))

m is the changed region (`finders/quality.py`), M the effect metric, s the spread of codes. Last, the length
of delta is fitted again without the penalty, which had shortened it. What is stepped are delta and the middle
z + delta / 2, so that an error which both pictures have in common does not pull at the difference. Between
two photos of a person no pixel corresponds to another: there the INSIDE and OUTSIDE terms are off.

This module does not judge a pair and makes no Direction: `direction_from_codes` takes its two inversions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from inference.descent import descend
from inference.errors import DirectionError, OptionError, ShapeError
from inference.finders.quality import STAYED, changed_region, unchanged_difference
from inference.images import check_images
from inference.inversion import (
    BATCH,
    DEFAULT_STEPS,
    DOMAIN,
    LEARNING_RATE,
    Inversion,
    Progress,
    assess,
    check_steps,
    code_spread,
    reconstruction_loss,
    strayed,
)

if TYPE_CHECKING:
    from inference.bundle import Bundle

SPACES = ("W", "W+")
# Chosen on pairs and changes of their own, see docs/joint-inversion.md.
INSIDE = 0.5
OUTSIDE = 1.0
LASSO = 0.003
PACE = 0.3  # of the difference's steps to the code's: it starts near its end, and noise in it stays
GROUP = 4  # layers of one group: coarse, middle and fine ones at 128 px
LENGTHS = (0.5, 0.75, 1.0, 1.25, 1.6, 2.0)  # at which the refit looks; a parabola joins the best three


@dataclass(frozen=True, eq=False)
class JointInversion:
    """Codes and differences of B pairs.

    Attributes:
        before, after: the inversions of both pictures; `after.codes = before.codes + difference`.
        difference: `[B, L, D]`; the same for every layer in space "W".
        space: "W" or "W+", the direction's space.
        aligned: bool `[B]`, whether the terms inside and outside the changed region were on.
        lengths: `[B]`, by what the refit multiplied the difference.
    """

    before: Inversion
    after: Inversion
    difference: torch.Tensor  # [B, L, D]
    space: str
    aligned: torch.Tensor  # [B]
    lengths: torch.Tensor  # [B]

    def __len__(self) -> int:
        return len(self.before)


def invert_pair(
    bundle: Bundle,
    before: torch.Tensor,
    after: torch.Tensor,
    steps: int = DEFAULT_STEPS,
    *,
    space: str = "W",
    aligned: bool | None = None,
    together: bool = False,
    start: tuple[torch.Tensor, torch.Tensor] | None = None,
    progress: Progress | None = None,
) -> JointInversion:
    """Find code and difference of pairs, in batches; a pair's result does not depend on its company.

    Args:
        before, after: `[B, 3, H, W]` in [-1, 1], row by row a pair.
        steps: at most so many optimisation steps a pair; 0 is the encoder and the refit of the length.
        space: "W" for one difference shared by all layers, "W+" for one per layer.
        aligned: whether pixels of before and after correspond: an edited picture (True) or two photos of a
            person (False). None asks each pair: an edit leaves at least a quarter of the picture as it was
            (`unchanged_difference`), a new photo with other light, turn or surroundings does not.
        together: one difference for all B pairs, which must then all show the same change (B <= BATCH).
        start: codes of the pictures before and after, `[B, L, D]` each, in place of the encoder's.
        progress: called with (steps done, steps in all) after each step; what it raises ends the work.
    Raises:
        ShapeError: pictures of another shape, size or range, or not as many after as before; such codes.
        OptionError: negative steps, or too many pairs to share one difference.
        DirectionError: a space that is neither.

    Example:
        >>> pair = invert_pair(bundle, read_image("before.png", 128), read_image("after.png", 128))
        >>> pair.difference.shape
        torch.Size([1, 12, 128])
    """
    check_steps(steps)
    _check_pairs(bundle, before, after)
    if space not in SPACES:
        raise DirectionError(f"the space {space!r}", "'W' or 'W+'", code="direction:space")
    if together and len(before) > BATCH:
        raise OptionError(
            f"{len(before)} pairs to share one difference",
            f"at most {BATCH}",
            "invert them apart and average",
            code="option:together",
        )
    size = len(before) if together else max(1, BATCH // 2)  # a pair is two pictures
    first = torch.split(before.to(bundle.device, torch.float32), size)
    second = torch.split(after.to(bundle.device, torch.float32), size)
    starts = _starts(bundle, first, second, start, size)
    parts = []
    for number, (x, y, codes) in enumerate(zip(first, second, starts, strict=True)):

        def report(step: int, done: int = number * steps) -> None:
            if progress is not None:
                progress(done + step, steps * len(first))

        on = _aligned(x, y, aligned)
        problem = _Pairs(bundle, x, y, on, space=space, together=together)
        found, taken = problem.join(*codes), torch.zeros(problem.rows, dtype=torch.int64)
        if steps:
            rate = LEARNING_RATE * problem.spread
            # rows that end leave the copy only: the refit wants all of them
            found, taken = descend(copy(problem), found, steps=steps, rate=rate, report=report)
        z, difference = problem.split(found)  # [b, L, D] each
        lengths = problem.refit(z, difference)  # [b]
        taken = taken.cpu().repeat_interleave(problem.pairs)
        parts.append((z, difference * lengths[:, None, None], on, lengths, taken))
    z, difference, on, lengths, taken = (torch.cat(part) for part in zip(*parts, strict=True))
    return JointInversion(
        before=assess(bundle, torch.cat(first), z, steps=taken),
        after=assess(bundle, torch.cat(second), z + difference, steps=taken),
        difference=difference,
        space=space,
        aligned=on,
        lengths=lengths,
    )


def _starts(
    bundle: Bundle,
    first: Sequence[torch.Tensor],
    second: Sequence[torch.Tensor],
    given: tuple[torch.Tensor, torch.Tensor] | None,
    size: int,
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """The codes of each batch's pictures before and after: those given, or the encoder's."""
    if given is None:
        with torch.no_grad():
            return [(bundle.encoder(x), bundle.encoder(y)) for x, y in zip(first, second, strict=True)]
    for codes in given:
        bundle.generator.check_codes(codes)
        if len(codes) != sum(map(len, first)):
            raise ShapeError(
                f"{len(codes)} codes to start from",
                f"one for each of {sum(map(len, first))} pairs",
                code="shape:codes",
            )
    return list(zip(*(torch.split(codes.to(bundle.device), size) for codes in given), strict=True))


def _aligned(before: torch.Tensor, after: torch.Tensor, given: bool | None) -> torch.Tensor:
    """What was said, or what each pair shows: bool [b]."""
    if given is None:
        return unchanged_difference(before, after) <= STAYED
    return torch.full((len(before),), given, device=before.device)


class _Pairs:
    """The pairs still being optimised. A row of `descend` is one pair, or all pairs that share a difference.

    A row's vectors are the middles of its n pairs (n * L of them), then the difference: one vector in W, L in
    W+. Pictures and what belongs to them are kept as [rows * n, ...].
    """

    def __init__(
        self,
        bundle: Bundle,
        before: torch.Tensor,
        after: torch.Tensor,
        aligned: torch.Tensor,
        *,
        space: str,
        together: bool,
    ) -> None:
        self.bundle = bundle
        self.space = space
        self.rows = 1 if together else len(before)
        self.pairs = len(before) // self.rows  # n
        self.layers = bundle.generator.num_layers
        self.spread = code_spread(bundle)
        self.weights = bundle.metric_weights.to(bundle.device)  # [L]
        self.before, self.after = before, after  # [b, 3, H, W]
        region = changed_region(before, after).float()  # [b, 1, H, W]
        on = aligned.float()[:, None, None, None]
        self.inside = on * region / region.sum(dim=(1, 2, 3), keepdim=True).clamp_min(1)
        self.outside = on * (1 - region) / (1 - region).sum(dim=(1, 2, 3), keepdim=True).clamp_min(1)
        with torch.no_grad():
            self.features = bundle.perceptual.features(torch.cat([before, after]))

    def join(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """Codes before and after [b, L, D] -> [rows, P, D], with the difference nearest to theirs in M.

        The code before is kept as it is; where the space is W, the one after is not.
        """
        difference = (second - first).view(self.rows, self.pairs, self.layers, -1).mean(dim=1)
        if self.space == "W":
            share = (self.weights / self.weights.sum())[:, None]  # [L, 1]
            difference = (difference * share).sum(dim=1, keepdim=True)
        middle = first + difference.expand(-1, self.layers, -1).repeat_interleave(self.pairs, dim=0) / 2
        return torch.cat([middle.reshape(self.rows, self.pairs * self.layers, -1), difference / PACE], dim=1)

    def split(self, codes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """[rows, P, D] -> each pair's code and difference, [rows * n, L, D] twice."""
        many = self.pairs * self.layers
        start = codes[:, :many].reshape(len(codes) * self.pairs, self.layers, -1)
        difference = (PACE * codes[:, many:]).expand(-1, self.layers, -1).repeat_interleave(self.pairs, dim=0)
        return start - difference / 2, difference

    def losses(self, codes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        start, difference = self.split(codes)
        both = torch.cat([start, start + difference])  # [2 b, L, D]
        made = self.bundle.generator.synthesis(both)  # [2 b, 3, H, W]
        wanted = torch.cat([self.before, self.after])
        apart = reconstruction_loss(self.bundle, made, wanted, self.features)  # [2 b]
        loss = apart.view(2, -1).sum(dim=0) + self._change(*made.chunk(2)) + self._penalty(difference)
        astray = strayed(self.bundle, both, made, self.spread).view(2, -1).sum(dim=0)
        return self._per_row(loss), self._per_row(loss + DOMAIN * astray)

    def _change(self, before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
        """The terms inside and outside the changed region. Images made [b, 3, H, W] twice -> [b]."""
        change = after - before
        wrong = (change - (self.after - self.before)).abs().mean(dim=1, keepdim=True)  # [b, 1, H, W]
        moved = change.abs().mean(dim=1, keepdim=True)
        return (INSIDE * self.inside * wrong + OUTSIDE * self.outside * moved).sum(dim=(1, 2, 3))

    def _penalty(self, difference: torch.Tensor) -> torch.Tensor:
        """The group lasso of [b, L, D] in the effect metric, [b]; in W all layers are one group."""
        effects = self.weights * difference.square().sum(dim=2)  # [b, L]
        groups = [effects] if self.space == "W" else torch.split(effects, GROUP, dim=1)
        lengths = torch.stack([(group.sum(dim=1) + 1e-12).sqrt() for group in groups], dim=1)
        unit = self.spread * math.sqrt(self.layers * difference.shape[2])
        return LASSO * lengths.sum(dim=1) / unit

    def _per_row(self, values: torch.Tensor) -> torch.Tensor:
        return values.view(-1, self.pairs).mean(dim=1)

    def keep(self, rows: torch.Tensor) -> None:
        pairs = rows.repeat_interleave(self.pairs)  # [b]
        for name in ("before", "after", "inside", "outside"):
            setattr(self, name, getattr(self, name)[pairs])
        self.features = [level[torch.cat([pairs, pairs])] for level in self.features]

    @torch.no_grad()
    def refit(self, start: torch.Tensor, difference: torch.Tensor) -> torch.Tensor:
        """The factor of the difference that fits best, without penalty: one for each pair, [b].

        Fitted is the picture after, and the change itself where pixels correspond.
        """
        made = self.bundle.generator.synthesis(start)
        losses = []
        for length in LENGTHS:
            moved = self.bundle.generator.synthesis(start + length * difference)
            losses.append((moved - self.after).square().mean(dim=(1, 2, 3)) + self._change(made, moved))
        rows = self._per_row(torch.stack(losses, dim=1).T.reshape(-1)).view(len(LENGTHS), -1).T  # [rows, n]
        return _lowest(rows).repeat_interleave(self.pairs).to(start.dtype)


def _lowest(losses: torch.Tensor) -> torch.Tensor:
    """Where the parabola through each row's lowest value and its two neighbours is lowest: [b, n] -> [b]."""
    at = torch.tensor(LENGTHS, dtype=torch.float64)
    values = losses.double().cpu()
    middle = values.argmin(dim=1).clamp(1, len(LENGTHS) - 2)  # [b]
    index = middle[:, None] + torch.tensor([-1, 0, 1])  # [b, 3]
    x, y = at[index], values.gather(1, index)  # [b, 3]
    slopes = (y[:, 1:] - y[:, :-1]) / (x[:, 1:] - x[:, :-1])  # [b, 2]
    bend = (slopes[:, 1] - slopes[:, 0]) / (x[:, 2] - x[:, 0])  # [b]
    lowest = (x[:, 0] + x[:, 1]) / 2 - slopes[:, 0] / (2 * bend.clamp_min(1e-12))
    fitted = torch.where(bend > 0, lowest, at[values.argmin(dim=1)])
    return fitted.clamp(LENGTHS[0], LENGTHS[-1]).to(losses.device)


def _check_pairs(bundle: Bundle, before: torch.Tensor, after: torch.Tensor) -> None:
    for name, images in (("before", before), ("after", after)):
        check_images(images, bundle.generator.resolution, name=name)
    if len(before) != len(after):
        raise ShapeError(
            f"{len(before)} pictures before and {len(after)} after", "as many", code="shape:images"
        )
