"""Adam on the codes of many independent problems at once: what inverting pictures and pairs have in common.

A *row* is one problem: it has its own loss, its own Adam state, its own best codes and its own end, so that
its result does not depend on the company it was solved in. This module knows nothing of pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

BETAS = (0.9, 0.95)
PATIENCE = 5  # a row ends when so many steps together
ENOUGH = 0.01  # lower its loss by less than this share


class Problem(Protocol):
    """The rows still being solved."""

    def losses(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """codes [b, P, D] -> (loss by which codes are compared, objective that is descended), each [b]."""
        ...

    def keep(self, rows: Tensor) -> None:
        """Only these rows, a bool [b], go on."""
        ...


@dataclass
class _State:
    """What belongs to each row still being solved, and moves with it."""

    rows: Tensor  # [b] places in the start
    code: Tensor  # [b, P, D]
    first: Tensor  # [b, P, D] Adam's first moment
    second: Tensor  # [b, P, 1] and its second, one for each vector
    best: Tensor  # [b] lowest loss so far
    mark: Tensor  # [b] lowest loss when progress was last judged

    def keep(self, rows: Tensor) -> None:
        for name in vars(self):
            setattr(self, name, getattr(self, name)[rows])


def descend(
    problem: Problem, start: Tensor, *, steps: int, rate: float, report: Callable[[int], None]
) -> tuple[Tensor, Tensor]:
    """Lower the objective of codes `[b, P, D]` from `start`; `report` is told of each step.

    Returns:
        the codes of each row's lowest loss, `[b, P, D]`, and the steps that each row took, `[b]`.
    """
    infinite = torch.full((len(start),), torch.inf, device=start.device)
    state = _State(
        rows=torch.arange(len(start), device=start.device),
        code=start.clone(),
        first=torch.zeros_like(start),
        second=torch.zeros_like(start[..., :1]),
        best=infinite,
        mark=infinite.clone(),
    )
    found = start.clone()
    taken = torch.full((len(start),), steps, device=start.device)
    for step in range(1, steps + 1):
        loss, gradient = _loss_and_gradient(problem, state)
        _remember(state, loss, found)
        if step % PATIENCE == 1 and step > 1:
            stalled = state.best >= state.mark * (1 - ENOUGH)
            taken[state.rows[stalled]] = step - 1
            state.mark = state.best.clone()
            if bool(stalled.any()):
                gradient = gradient[~stalled]
                state.keep(~stalled)
                problem.keep(~stalled)
        elif step == 1:
            state.mark = state.best.clone()
        if len(state.rows) == 0:
            report(steps)
            break
        _adam(state, gradient, rate, step)
        report(step)
    else:
        with torch.no_grad():  # the last step's codes have not been judged yet
            loss, _ = problem.losses(state.code)
            _remember(state, loss, found)
    return found, taken


def _remember(state: _State, loss: Tensor, found: Tensor) -> None:
    better = loss < state.best
    state.best = torch.where(better, loss, state.best)
    found[state.rows[better]] = state.code[better]


def _loss_and_gradient(problem: Problem, state: _State) -> tuple[Tensor, Tensor]:
    """Each row's own loss `[b]` and its gradient `[b, P, D]`; the sum over rows keeps them apart."""
    state.code.requires_grad_(True)
    with torch.enable_grad():
        loss, objective = problem.losses(state.code)
        (gradient,) = torch.autograd.grad(objective.sum(), state.code)
    state.code = state.code.detach()
    return loss.detach(), gradient


def _adam(state: _State, gradient: Tensor, rate: float, step: int) -> None:
    """One Adam step (Kingma and Ba 2015, algorithm 1) with one second moment for each vector of each row.

    With one for each number, Adam moves numbers that do nothing as far as those that matter: noise in every
    direction that is later taken between two codes. This way a step stays where the gradient points.
    """
    first, second = BETAS
    state.first = first * state.first + (1 - first) * gradient
    state.second = second * state.second + (1 - second) * gradient.square().mean(dim=2, keepdim=True)
    mean = state.first / (1 - first**step)
    scale = (state.second / (1 - second**step)).sqrt() + 1e-8
    state.code = state.code - rate * mean / scale
