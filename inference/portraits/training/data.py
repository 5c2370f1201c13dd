"""The pictures that training learns from: drawn in the background, kept as bytes in the work folder.

Background processes draw chunks of scenes into one memory-mapped file and flag each finished chunk; training
takes whatever is flagged. The cache is keyed by what the renderer draws and by the seed, so a changed drawing
is never mixed with an old one. Scenes reach a little beyond 0..1 on purpose (drawn clipped), so that the
generator learns to saturate instead of breaking where a slider goes too far.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

import inference.portraits as portraits
from inference.portraits import SCENE_SIZE, render_scene
from inference.portraits.attributes import random_scenes
from inference.portraits.populations import POPULATIONS

Scenes = npt.NDArray[np.float32]
Pictures = npt.NDArray[np.uint8]

CHUNK = 32
REACH = 0.25  # how far beyond 0..1 training scenes go
HELD_OUT_SEED = 10_000_000  # people from here on are never trained on


def fingerprint() -> str:
    """Short hash of what scenes look like, from a few of them: reformatting the renderer changes nothing."""
    probes = random_scenes(np.random.default_rng(7), 8)
    return hashlib.sha256(np.stack([render_scene(probe, 64) for probe in probes]).tobytes()).hexdigest()[:12]


def training_scenes(rng: np.random.Generator, count: int) -> Scenes:
    """Scenes [count, K] as the world draws them, some numbers of most redrawn up to REACH beyond 0..1."""
    scenes = random_scenes(rng, count)
    wide = rng.uniform(-REACH, 1.0 + REACH, scenes.shape).astype(np.float32)
    share = rng.choice([0.0, 0.15, 0.4, 1.0], size=(count, 1), p=[0.3, 0.3, 0.25, 0.15])
    return np.where(rng.random(scenes.shape) < share, wide, scenes).astype(np.float32)


def far_out(scenes: Scenes) -> npt.NDArray[np.int64]:
    """How many of each scene's numbers lie outside 0..1, [count]."""
    outside: npt.NDArray[np.int64] = ((scenes < 0) | (scenes > 1)).sum(1)
    return outside


def held_out_scenes(count: int, first: int = 0) -> Scenes:
    """The scenes of held-out people, one seed each."""
    return np.stack([portraits.scene({}, HELD_OUT_SEED + first + i) for i in range(count)])


def to_images(pictures: Pictures) -> Tensor:
    """uint8 [B, H, W, 3] -> float32 [B, 3, H, W] in [-1, 1]."""
    return torch.from_numpy(pictures.astype(np.float32) / 127.5 - 1.0).permute(0, 3, 1, 2)


def to_z(scenes: Scenes | Tensor) -> Tensor:
    """Scenes [B, K] -> the generator's z [B, K]: centred, a uniform number has variance 1."""
    return (torch.as_tensor(scenes, dtype=torch.float32) - 0.5) * 12**0.5


SAMPLERS = {"reaching": training_scenes, **POPULATIONS}


class PictureCache:
    """`count` scenes and, as background processes get to them, their pictures at `size` px.

    `sampler` names whose scenes these are: a population's, or "reaching" beyond it (`training_scenes`).
    """

    def __init__(self, work: Path, count: int, seed: int, size: int, sampler: str = "reaching") -> None:
        self.count = max(CHUNK, count // CHUNK * CHUNK)
        self.size = size
        folder = work / f"pictures-{fingerprint()}-{sampler}-{seed}-{self.count}-{size}"
        folder.mkdir(parents=True, exist_ok=True)
        self.scenes = SAMPLERS[sampler](np.random.default_rng(seed), self.count)  # [N, K]
        self.pictures = _mapped(folder / "pictures.u8", (self.count, size, size, 3))
        self.flags = _mapped(folder / "flags.u8", (self.count // CHUNK,))

    def ready(self) -> int:
        """How many pictures are drawn."""
        return int(self.flags.sum()) * CHUNK

    def fill(self, worker: int, workers: int) -> None:
        """Draw every `workers`-th chunk that is not drawn yet; politely, training comes first."""
        os.nice(10)
        parent = multiprocessing.parent_process()
        for chunk in range(worker, len(self.flags), workers):
            if self.flags[chunk]:
                continue
            if parent and not parent.is_alive():
                return
            for i in range(chunk * CHUNK, (chunk + 1) * CHUNK):
                self.pictures[i] = render_scene(self.scenes[i], self.size)
            self.flags[chunk] = 1

    def wait(self, pictures: int) -> None:
        """Return once that many pictures (or all) are drawn."""
        while self.ready() < min(pictures, self.count):
            time.sleep(0.5)

    def batch(self, rng: np.random.Generator, size: int, natural: float = 0.0) -> tuple[Scenes, Pictures]:
        """Random drawn scenes [size, K] (not clipped) and their pictures [size, H, W, 3].

        About the share `natural` of them is chosen among scenes with at most 3 numbers outside 0..1.
        """
        chunks = np.flatnonzero(self.flags)
        index = rng.choice(chunks, size * 8) * CHUNK + rng.integers(0, CHUNK, size * 8)
        tame = index[far_out(self.scenes[index]) <= 3]
        index = (
            np.where(rng.random(size) < natural, rng.choice(tame, size), index[:size])
            if len(tame)
            else index[:size]
        )
        return self.scenes[index], np.stack([self.pictures[i] for i in index])


def _mapped(path: Path, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    wanted = int(np.prod(shape))
    if not path.exists() or path.stat().st_size != wanted:
        with path.open("ab") as file:
            file.truncate(wanted)
    return np.memmap(path, dtype=np.uint8, mode="r+", shape=shape)


__all__ = ["CHUNK", "SCENE_SIZE", "PictureCache", "held_out_scenes", "to_images", "to_z", "training_scenes"]
