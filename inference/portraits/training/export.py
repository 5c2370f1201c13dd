"""From a checkpoint to a bundle: averaged weights, measured numbers, and what a reader must know of both."""

from __future__ import annotations

from pathlib import Path

import torch

from inference.bundle import Bundle
from inference.inversion import DEFAULT_STEPS
from inference.portraits.training.calibrate import recalibrated
from inference.portraits.training.recipes import RECIPES


def export_bundle(checkpoint: Path, output: Path, people: int = 32, steps: int = DEFAULT_STEPS) -> Bundle:
    """Write the bundle of a training checkpoint's averaged weights."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    recipe = RECIPES[state["recipe"]]()
    networks = recipe.networks()
    for name, weights in state["average"].items():
        getattr(networks, name).load_state_dict(weights)
    generator = networks.generator
    for network in networks:
        network.eval().requires_grad_(False)
    z = torch.randn(4096, generator.z_dim, generator=torch.Generator().manual_seed(0))
    generator.w_avg.copy_(generator.mapping(z)[:, 0].mean(0))
    position = state["position"]
    bundle = Bundle(
        name=recipe.bundle_name,
        generator=generator,
        encoder=networks.encoder,
        perceptual=networks.perceptual,
        metric_weights=torch.ones(generator.num_layers),
        thresholds={"null_floor": 0.0, "unrelated": 1.0, "out_of_domain": 1.0},
        metadata={
            "title": recipe.title,
            "description": "A small StyleGAN2 of drawn, aligned portraits at 128 x 128, and its encoder.",
            "world": "Shaded drawings of one head and shoulders each; no photograph of a real person.",
            "drawn_world": True,  # pages say so
            "licence": "Apache-2.0",
            "trained_on": "pictures of this project's own renderer (inference/portraits), nothing else",
            "note": recipe.note,
            "recipe": recipe.name,
            "training_images": int(position["images"]),
            "training_minutes": round(float(position["seconds"]) / 60, 1),
        },
    )
    bundle = recalibrated(bundle, people, steps)
    bundle.save(output)
    return bundle
