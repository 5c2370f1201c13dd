"""The library: renderer, generator, encoder and inversion, and how much of the machine the inversion uses.

The share is (floating-point operations of convolutions and matrix products, counted by torch) / (time x the
fastest convolution that this machine was measured to do), with the same number of threads.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import Measurement, timed
from inference import Bundle, invert
from inference.inversion import DEFAULT_STEPS
from inference.portraits import render_many, render_scene, scene

SIZE = 128


def measurements() -> Iterator[Measurement]:
    """All numbers of the library on the embedded bundle."""
    vectors = [scene({}, seed) for seed in range(16)]
    yield Measurement(
        "renderer", 1e3 * timed(lambda: render_scene(vectors[0], SIZE)), "ms", f"{SIZE} px, one core"
    )

    bundle = Bundle.load("portraits")
    pictures = torch.from_numpy(render_many(np.stack(vectors), SIZE, 1))
    images = pictures.to(bundle.device).permute(0, 3, 1, 2).float() / 127.5 - 1  # [16, 3, H, W]
    codes = invert(bundle, images, steps=0).codes
    weights = f"{bundle.name} {bundle.digest[:12]}"
    device = f"{torch.get_num_threads()} threads" if bundle.device.type == "cpu" else str(bundle.device)
    note = f"{device}, {weights}"
    with torch.no_grad():
        for batch in (1, 16):
            seconds = timed(lambda batch=batch: finish(bundle.generator.synthesis(codes[:batch])))
            yield Measurement(f"generator forward, batch {batch}", 1e3 * seconds, "ms", note)
        for batch in (1, 16):
            seconds = timed(lambda batch=batch: finish(bundle.encoder(images[:batch])))
            yield Measurement(f"encoder, batch {batch}", 1e3 * seconds, "ms", note)

    peak = convolution_peak(bundle.device)
    yield Measurement("convolution peak", peak / 1e9, "GFLOP/s", "the fastest of six shapes, forward")
    for batch in (1, 16):
        with FlopCounterMode(display=False) as counter:
            found = invert(bundle, images[:batch])
        repeat = 3 if batch == 1 else 1
        seconds = timed(lambda batch=batch: invert(bundle, images[:batch]), repeat=repeat, warm_up=0)
        steps = f"{float(found.steps.float().mean()):.1f} of at most {DEFAULT_STEPS} steps"
        quality = f"{float(found.psnr.mean()):.2f} dB"
        yield Measurement(
            f"inversion an image, batch {batch}", seconds / batch, "s", f"{steps}, {quality}, {note}"
        )
        share = counter.get_total_flops() / seconds / peak
        yield Measurement(f"inversion's share of the peak, batch {batch}", 100 * share, "%", weights)


def convolution_peak(device: torch.device) -> float:
    """FLOP/s of the fastest 3x3 convolution found: forward, channels last, float32."""
    best = 0.0
    for channels, size in ((64, 64), (128, 32), (128, 16), (256, 16), (256, 32), (512, 16)):
        x = torch.randn(16, channels, size, size, device=device).contiguous(memory_format=torch.channels_last)
        weight = torch.randn(channels, channels, 3, 3, device=device).contiguous(
            memory_format=torch.channels_last
        )
        with torch.no_grad():
            seconds = timed(lambda x=x, weight=weight: finish(F.conv2d(x, weight, padding=1)), repeat=7)
        best = max(best, 2 * 9 * channels * channels * size * size * 16 / seconds)
    return best


def finish(result: torch.Tensor) -> None:
    """Wait for the device, so that what is timed has been done."""
    if result.is_cuda:
        torch.cuda.synchronize(result.device)
