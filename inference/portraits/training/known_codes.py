"""The known-code recipe: scene s is known, w = M(s), G(w) ~ picture; then an encoder, through G.

Seven stages: a perceptual backbone that reads scenes from pictures, mapping and generator at 32 px (the
mapping then stays), the encoder toward known w, the generator at 64 and 128 px, encoder and generator
together through the picture, with a critic for the fine detail, and that once more with hardly any perceptual
weight. Its latent space is easier than one found without labels: directions in it are an upper bound.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from inference.perceptual import Perceptual
from inference.portraits import SCENE_SIZE
from inference.portraits.training import losses
from inference.portraits.training.adversary import Critic, adversary
from inference.portraits.training.networks import FEATURE_WIDTHS, RESOLUTION, make_encoder, make_generator
from inference.portraits.training.recipe import Batch, Facts, Networks, Recipe, Stage

CODE_DIM = 128
PERCEPTUAL_WEIGHT = {"joint": 0.1, "polish": 0.02}
CRITIC_WEIGHT = 0.02
WORST_WEIGHT = 1.5
_BOTH = ("generator", "encoder")


class KnownCodes(Recipe):
    """z is the centred scene itself."""

    name = "known-codes"
    bundle_name = "portraits"
    title = "Drawn Portraits"
    note = (
        "Trained on known codes: w is a small network of the scene's true numbers, so its latent "
        "space is easier than a GAN's and its directions are an upper bound."
    )
    sampler = "reaching"
    known_codes = True
    stages = (
        Stage("perceptual", 0.05, 32, 6e-3, RESOLUTION, ("perceptual",), floor=0.02),
        Stage("generator-32", 0.11, 32, 3e-2, 32),
        Stage("encoder", 0.15, 32, 3e-3, RESOLUTION, ("encoder",)),
        Stage("generator-64", 0.15, 16, 4e-3, 64, layers_pace=2, fresh_pace=4),
        Stage("generator-128", 0.215, 16, 4e-3, RESOLUTION, natural=0.7, layers_pace=2, fresh_pace=4),
        Stage("joint", 0.26, 16, 2.5e-3, RESOLUTION, _BOTH, 0.7, 0.02, 2, 2, encoder_pace=0.25),
        Stage("polish", 0.065, 16, 8e-4, RESOLUTION, _BOTH, 0.8, 0.02, 2, 2, encoder_pace=0.25),
    )
    again = ("joint", "polish")

    def networks(self) -> Networks:
        perceptual = Perceptual(
            net="attributes", resolution=RESOLUTION, widths=FEATURE_WIDTHS, outputs=SCENE_SIZE
        )
        generator = make_generator(SCENE_SIZE, CODE_DIM)
        encoder = make_encoder(CODE_DIM, per_layer=True)
        return Networks(generator, encoder, perceptual, Critic(RESOLUTION))

    def settled(self, stage: Stage) -> tuple[str, ...]:
        return {"perceptual": ("perceptual",), "generator-32": ("generator",)}.get(stage.name, ())

    def frozen(self, networks: Networks, stage: Stage) -> None:
        if stage.name != "generator-32":
            networks.generator.map.requires_grad_(False)

    def from_known(self, average: Networks, z: Tensor) -> Tensor:
        return average.generator.mapping(z)

    def step(self, networks: Networks, stage: Stage, batch: Batch) -> tuple[Tensor, Facts]:
        assert batch.z is not None
        if stage.name == "perceptual":
            read = networks.perceptual.predict(batch.images)
            return F.smooth_l1_loss(read, _inside(batch.z), beta=0.3), {}
        if stage.name == "encoder":
            return _encoder_step(networks, batch.z, batch.images)
        if stage.name in PERCEPTUAL_WEIGHT:
            return _joint_step(networks, batch.z, batch.images, PERCEPTUAL_WEIGHT[stage.name])
        wanted = losses.reduced(batch.images, stage.resolution)
        output = networks.generator.pyramid(networks.generator.mapping(batch.z), "none", stage.resolution)
        quality = losses.psnr(output.detach(), wanted)
        return losses.picture_loss(output, wanted), {"psnr": float(quality.mean())}


def _encoder_step(networks: Networks, z: Tensor, images: Tensor) -> tuple[Tensor, Facts]:
    with torch.no_grad():
        target = networks.generator.mapping(_inside(z))[:, 0]  # [B, D]
    w, deltas = networks.encoder.split(images)
    loss = F.smooth_l1_loss(w, target, beta=0.3) + 0.1 * deltas.square().mean()
    return loss, {"explained": float(1 - (w - target).detach().square().mean() / target.var())}


def _joint_step(networks: Networks, z: Tensor, images: Tensor, perceptual: float) -> tuple[Tensor, Facts]:
    """Pictures through the encoder and back, beside known codes that keep the mapping in its place."""
    w, deltas = networks.encoder.split(images)
    some = max(1, len(images) // 8)
    known = networks.generator.mapping(z[:some])
    with torch.no_grad():
        target = networks.generator.mapping(_inside(z))[:, 0]
    codes = torch.cat([w[:, None, :] + deltas, known])
    output = networks.generator.synthesis(codes, "none")
    wanted = torch.cat([images, images[:some]])
    distance = losses.feature_distance(networks.perceptual, output, wanted)
    assert isinstance(networks.helpers, Critic)
    fooled, told, gap = adversary(networks.helpers, output, images)
    loss = losses.picture_loss(output, wanted) + WORST_WEIGHT * losses.worst_places(output, wanted)
    loss = loss + perceptual * distance + CRITIC_WEIGHT * (fooled + told)
    loss = loss + 0.05 * F.smooth_l1_loss(w, target, beta=0.3) + 0.02 * deltas.square().mean()
    quality = losses.psnr(output.detach(), wanted)
    return loss, {
        "psnr": float(quality[len(images) :].mean()),
        "psnr_encoder": float(quality[: len(images)].mean()),
        "lpips": float(distance.detach()),
        "told_apart": gap,
        "delta": float(deltas.detach().square().mean()),
    }


def _inside(z: Tensor) -> Tensor:
    """z [B, K] of what is drawn: scenes are clipped to 0..1 before drawing."""
    edge = 0.5 * 12**0.5
    return z.clamp(-edge, edge)
