"""A critic of pictures, and the two losses by which it and a generator learn against each other."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

STEEPNESS = 2.0  # the weight of R1


class Critic(nn.Module):
    """Tells drawn pictures [B, 3, R, R] from the generator's: one number each, higher for drawn."""

    def __init__(self, resolution: int) -> None:
        super().__init__()
        widths = (3, 24, 64, 128, 128, 128)[: resolution.bit_length() - 2]  # down to 4 x 4
        self.layers = nn.ModuleList(nn.Conv2d(i, o, 4, stride=2, padding=1) for i, o in pairwise(widths))
        self.head = nn.Linear(2 * widths[-1], 1)

    def forward(self, images: Tensor) -> Tensor:
        x = images
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2)
        scores: Tensor = self.head(torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1))
        return scores[:, 0]


def adversary(critic: Critic, made: Tensor, real: Tensor) -> tuple[Tensor, Tensor, float]:
    """The generator's loss, which leaves the critic alone, and the critic's, which leaves the generator alone
    (non-saturating, Goodfellow et al. 2014; penalty R1 of Mescheder et al. 2018); and what tells them apart.
    """
    fixed = {name: value.detach() for name, value in critic.named_parameters()}
    fooled = F.softplus(-functional_call(critic, fixed, (made,))).mean()
    shown = real[: len(made)].detach().requires_grad_()
    on_real, on_made = critic(shown), critic(made.detach())
    (slope,) = torch.autograd.grad(on_real.sum(), shown, create_graph=True)
    steepness = slope.square().sum((1, 2, 3)).mean()
    told = F.softplus(-on_real).mean() + F.softplus(on_made).mean() + 0.5 * STEEPNESS * steepness
    return fooled, told, float((on_real.mean() - on_made.mean()).detach())
