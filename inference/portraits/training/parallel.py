"""Data-parallel training on one machine: a few one-thread processes that average their gradients.

On shared CPU cores this holds its pace where one process with two threads stalls at every layer whenever the
other core is busy (measured in the feasibility study). On a GPU there is one process, and all this is idle.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor


def join(rank: int, world: int, meeting: Path) -> None:
    """Meet the other processes through a file (no port to be taken)."""
    if world > 1:
        dist.init_process_group(
            "gloo",
            init_method=f"file://{meeting}",
            rank=rank,
            world_size=world,
            timeout=timedelta(minutes=30),
        )


def leave() -> None:
    """Part from the others before the process ends: gloo's threads must not outlive what they talk about."""
    if dist.is_initialized():
        dist.destroy_process_group()


def average_gradients(parameters: Sequence[Tensor], world: int) -> None:
    """Replace each gradient by its mean over the processes."""
    if world == 1:
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = torch.cat([g.reshape(-1) for g in gradients])
    dist.all_reduce(flat)
    flat /= world
    at = 0
    for gradient in gradients:
        gradient.copy_(flat[at : at + gradient.numel()].view_as(gradient))
        at += gradient.numel()


def agree(values: Sequence[float], world: int) -> list[float]:
    """The first process's numbers, in all of them."""
    tensor = torch.tensor(values, dtype=torch.float64)
    if world > 1:
        dist.broadcast(tensor, 0)
    return [float(value) for value in tensor]


def share_from_first(tensor: Tensor, world: int) -> None:
    """Overwrite a tensor with the first process's."""
    if world > 1:
        dist.broadcast(tensor, 0)
