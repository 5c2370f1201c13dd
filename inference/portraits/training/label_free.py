"""The label-free recipe: pictures alone, w = E(x), G(w) ~ x, and a latent space that is made straight.

Plain autoencoding reconstructs well and leaves a crooked latent space. What straightens it, without a label:

- *Noise and a prior.* w is disturbed by N(0, s^2), one learned s a dimension, and pays
  KL(N(w, s^2) || N(0, 1)) (Kingma and Welling 2014). One s for all pictures makes equal steps in w equal
  changes of the picture, wherever they start: an isometry (Kato et al. 2020), and the coordinates in which a
  world of separate changes is flat. Dimensions that nothing needs fall silent.
- *Analogies.* a + b - c of three codes must be the code of its own picture, E(G(w)) = w (the latent
  consistency of in-domain inversion, Zhu et al. 2020), so that where sliders lead is known to both networks.
- *Grafts.* Two faces get the same soft patch p, then another one, q. The code's change from p to q must not
  depend on the face, and added to the other face's code it must draw q there. (A pair and its direction, made
  without knowing of what. Without the second, a moustache and its absence had changed places for people with
  beards: a fold that reconstructs as well and that no average of directions can survive.)

The perceptual network learns by itself first: to recognise a place of a picture that was disturbed in two
ways among the same place in the other pictures. The mapping from z ~ N(0, 1) is fitted at the end.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import trange

from inference.perceptual import Perceptual
from inference.portraits.training import losses
from inference.portraits.training.networks import FEATURE_WIDTHS, RESOLUTION, make_encoder, make_generator
from inference.portraits.training.recipe import Batch, Facts, Networks, Recipe, Stage

CODE_DIM = 64
TEMPERATURE = 0.1
PLACES = 12  # compared per picture and level in the perceptual stage
_BOTH = ("generator", "encoder")


class Helpers(nn.Module):
    """The learned noise of each dimension, and a projection for each level of the perceptual network."""

    def __init__(self, widths: Mapping[str, int]) -> None:
        super().__init__()
        self.log_noise = nn.Parameter(torch.full((CODE_DIM,), -1.0))
        self.projections = nn.ModuleList(nn.Linear(width, 64) for width in widths.values())


class LabelFree(Recipe):
    """Nothing but pictures reaches any loss."""

    name = "label-free"
    bundle_name = "portraits-label-free"
    title = "Drawn Portraits, label-free"
    note = "Trained on pictures alone, of a population in which attributes go together as people's do."
    sampler = "correlated"
    known_codes = False
    stages = (
        Stage("patches", 0.05, 32, 2e-3, RESOLUTION, ("perceptual",), floor=0.02),
        Stage(
            "auto-32", 0.20, 32, 4e-3, 32, _BOTH, floor=0.5, layers_pace=2, fresh_pace=2, encoder_pace=0.25
        ),
        Stage("auto-64", 0.14, 16, 4e-3, 64, _BOTH, floor=0.5, layers_pace=2, fresh_pace=4, encoder_pace=0.2),
        # A fold has a barrier: the way to its other side leads over codes that do not tell the two apart.
        # Under noise of about its size they do not anyway.
        Stage("straighten", 0.16, 16, 3e-3, 64, _BOTH, 0.0, 0.5, layers_pace=2, encoder_pace=0.3, heat=0.3),
        Stage("auto-128", 0.37, 16, 3e-3, RESOLUTION, _BOTH, 0.0, 0.1, 2, 3, encoder_pace=0.2),
        Stage("polish", 0.08, 16, 8e-4, RESOLUTION, _BOTH, 0.0, 0.02, 2, 2, encoder_pace=0.25),
    )
    again = ("straighten", "auto-128", "polish")

    # weights of the losses; the prior's is per nat
    prior = {"auto-32": 4e-4, "auto-64": 3e-4, "straighten": 3e-4, "auto-128": 1.5e-4, "polish": 1e-4}
    analogies = 0.05
    grafts = {"auto-32": 0.2, "auto-64": 0.2, "straighten": 0.3, "auto-128": 0.1, "polish": 0.05}
    transfers = {"auto-32": 0.4, "auto-64": 0.4, "straighten": 0.6, "auto-128": 0.3, "polish": 0.2}
    perceptual = 0.1
    worst = 1.5

    def networks(self) -> Networks:
        perceptual = Perceptual(net="patches", resolution=RESOLUTION, widths=FEATURE_WIDTHS)
        generator = make_generator(CODE_DIM, CODE_DIM)
        return Networks(
            generator, make_encoder(CODE_DIM, per_layer=False), perceptual, Helpers(FEATURE_WIDTHS)
        )

    def settled(self, stage: Stage) -> tuple[str, ...]:
        return ("perceptual",) if stage.name == "patches" else ()

    def frozen(self, networks: Networks, stage: Stage) -> None:
        networks.generator.map.requires_grad_(False)

    def step(self, networks: Networks, stage: Stage, batch: Batch) -> tuple[Tensor, Facts]:
        if stage.name == "patches":
            return _patches_step(networks, batch)
        return self._auto_step(networks, stage, batch)

    def _auto_step(self, networks: Networks, stage: Stage, batch: Batch) -> tuple[Tensor, Facts]:
        helpers = networks.helpers
        assert isinstance(helpers, Helpers)
        images, count = batch.images, len(batch.images)
        some = max(2, count // 4)
        grafted, patch = graft(images, max(2, count // 8), batch.source)
        both, _ = networks.encoder.split(torch.cat([images, grafted]))
        w = both[:count]
        noise = (helpers.log_noise.clamp(-6, 0).exp().square() + stage.heat**2).sqrt()
        wanted = losses.reduced(images, stage.resolution)
        analogies = (w + w.roll(1, 0) - w.roll(2, 0))[:some].detach()
        codes = torch.cat([w + noise * batch.normal_like(w), analogies])
        output = networks.generator.pyramid(_all_layers(networks, codes), "none", stage.resolution)
        made, imagined = output[:count], output[count:]
        loss = losses.picture_loss(made, wanted) + self.worst * losses.worst_places(made, wanted)
        prior = 0.5 * (w.square() + noise.square() - 2 * noise.log() - 1).sum(1).mean()
        found, _ = networks.encoder.split(F.interpolate(imagined, size=images.shape[-1], mode="bilinear"))
        consistency = F.smooth_l1_loss(found, analogies, beta=0.3)
        loss = loss + self.prior[stage.name] * prior + self.analogies * consistency
        facts = {
            "psnr": float(losses.psnr(made.detach(), wanted).mean()),
            "prior": float(prior.detach()),
            "live": float((noise.detach() < 0.7).sum()),
            "spread": float(w.detach().var(0).sum()),
            "consistency": float(consistency.detach()),
        }
        crooked = crookedness(both[count:])
        transfer = self._transfer(networks, min(64, stage.resolution), both[count:], grafted, patch)
        loss = loss + self.grafts[stage.name] * crooked + self.transfers[stage.name] * transfer
        facts |= {"crooked": float(crooked.detach()), "transfer": float(transfer.detach())}
        if stage.resolution == images.shape[-1]:
            weight = self.perceptual * (0.2 if stage.name == "polish" else 1.0)
            distance = losses.feature_distance(networks.perceptual, made, images)
            loss = loss + weight * distance
            facts["lpips"] = float(distance.detach())
        return loss, facts

    def _transfer(
        self, networks: Networks, resolution: int, codes: Tensor, grafted: Tensor, patch: Tensor
    ) -> Tensor:
        """Error within the patch [S, 1, R, R] of one face's change from p to q on the other face's p."""
        ap, aq, bp, bq = codes.chunk(4)
        wanted = grafted.chunk(4)
        moved = torch.cat([bp + aq - ap, ap + bq - bp])
        made = networks.generator.pyramid(_all_layers(networks, moved), "none", resolution)
        difference = made.float() - losses.reduced(torch.cat([wanted[3], wanted[1]]), resolution)
        weights = losses.reduced(patch, resolution)
        weights = torch.cat([weights, weights]) / weights.mean()
        return (weights * (difference.abs() + 4.0 * difference.square())).mean()

    def finish(self, networks: Networks, images: Tensor) -> None:
        """The mapping: moments first (w = Az), then sliced Wasserstein distance to the codes of `images`."""
        device = next(networks.encoder.parameters()).device
        with torch.no_grad():
            codes = torch.cat(
                [networks.encoder.split(part.to(device))[0] for part in torch.split(images, 64)]
            )
        fit_mapping(networks, codes)


def _all_layers(networks: Networks, w: Tensor) -> Tensor:
    return w[:, None, :].expand(-1, networks.generator.num_layers, -1)


def _patches_step(networks: Networks, batch: Batch) -> tuple[Tensor, Facts]:
    """Each place of one view must be told from the same place in the other pictures (InfoNCE)."""
    helpers = networks.helpers
    assert isinstance(helpers, Helpers)
    count = len(batch.images)
    views = torch.cat([disturbed(batch.images, batch.source) for _ in range(2)])
    levels = networks.perceptual.metric.net(networks.perceptual.metric.scaling_layer(views))
    total = views.new_zeros(())
    right = []
    own = torch.arange(count, device=views.device)
    for level, projection in zip(levels, helpers.projections, strict=True):
        places = torch.randint(level.shape[-1] ** 2, (PLACES,), generator=batch.source).to(level.device)
        chosen = level.flatten(2)[:, :, places].permute(2, 0, 1)  # [P, 2B, C]
        found = F.normalize(projection(chosen).float(), dim=2)
        alike = found[:, :count] @ found[:, count:].transpose(1, 2) / TEMPERATURE  # [P, B, B]
        target = own.expand(PLACES, -1)
        total = total + F.cross_entropy(alike.transpose(1, 2), target) + F.cross_entropy(alike, target)
        right.append((alike.argmax(2) == own).float().mean())
    return total / (2 * len(levels)), {"right": float(torch.stack(right).mean())}


def disturbed(images: Tensor, source: torch.Generator) -> Tensor:
    """The same pictures [B, 3, R, R] in other light, noisy, some of them blurred, a block of each gone."""
    count, size = len(images), images.shape[-1]

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return (low + (high - low) * torch.rand(*shape, generator=source)).to(images.device)

    result = images * uniform(0.75, 1.25, count, 3, 1, 1) + uniform(-0.2, 0.2, count, 3, 1, 1)
    soft = F.interpolate(F.avg_pool2d(result, 2), size=size, mode="bilinear")
    result = torch.where(uniform(0, 1, count, 1, 1, 1) < 0.3, soft, result)
    noise = torch.randn(result.shape, generator=source).to(images.device)
    result = result + uniform(0, 0.12, count, 1, 1, 1) * noise
    line = torch.arange(size, device=images.device)
    across, down = uniform(0, 0.8, count, 1, 1), uniform(0, 0.8, count, 1, 1)
    reach = uniform(0.1, 0.3, count, 1, 1)
    inside = [(line >= at * size) & (line < (at + reach) * size) for at in (across, down)]  # [B, 1, R] each
    block = inside[0] & inside[1].transpose(1, 2)
    return result.masked_fill(block[:, None], 0.0).clamp(-1, 1)


def graft(images: Tensor, some: int, source: torch.Generator) -> tuple[Tensor, Tensor]:
    """`some` times four pictures [4 * some, 3, R, R]: hosts a and b, each with p's patch and with q's, in the
    order ap, aq, bp, bq; and the soft patches [some, 1, R, R].

    The patch is an ellipse at the same place of all four; pictures are aligned, so it carries the same part.
    It lies where p and q differ more than two pictures usually do, or small things would hardly ever be met,
    and takes on the host's colour along its rim, or all its change would be one of skin.
    """
    count, size = len(images), images.shape[-1]
    order = torch.stack([torch.randperm(count, generator=source)[:4] for _ in range(some)])  # [S, 4]
    a, b, p, q = (images[order[:, k].to(images.device)] for k in range(4))
    usual = F.adaptive_avg_pool2d((images - images.roll(1, 0)).square().mean(1), 16).mean(0) + 1e-3
    unusual = (F.adaptive_avg_pool2d((p - q).square().mean(1), 16) / usual)[:, 2:-2, 2:-2]  # [S, 12, 12]
    cells = torch.multinomial(unusual.flatten(1).float().cpu() + 0.05, 1, generator=source)[:, 0]
    line = (torch.arange(size, device=images.device) + 0.5) / size
    shift = torch.rand(some, 2, generator=source)
    centre = ((torch.stack([cells % 12, cells // 12], 1) + 2 + shift) / 16).to(images.device)  # x, y
    reach = 0.06 * 4 ** torch.rand(some, 2, generator=source).to(images.device)  # .06 to .24
    distance = ((line[None, None, :] - centre[:, 0, None, None]) / reach[:, 0, None, None]).square()
    distance = (
        distance + ((line[None, :, None] - centre[:, 1, None, None]) / reach[:, 1, None, None]).square()
    )
    patch = torch.sigmoid(8 * (1 - distance))[:, None]  # [S, 1, R, R]
    rim = patch * (1 - patch)
    rim = rim / rim.sum((2, 3), keepdim=True).clamp(min=1e-6)

    def joined(host: Tensor, donor: Tensor) -> Tensor:
        shade = ((host - donor) * rim).sum((2, 3), keepdim=True)
        return (host * (1 - patch) + (donor + shade) * patch).clamp(-1, 1)

    return torch.cat([joined(host, donor) for host in (a, b) for donor in (p, q)]), patch


def crookedness(codes: Tensor) -> Tensor:
    """How far the change from p to q depends on the host: codes [4S, D] as `graft` orders them -> scalar.

    Squared difference of the two changes over their mean squared length: 0 is straight, 2 is unrelated.
    """
    ap, aq, bp, bq = codes.chunk(4)
    first, second = aq - ap, bq - bp
    length = 0.5 * (first.square().sum(1) + second.square().sum(1))
    return ((first - second).square().sum(1) / (length + 0.05)).mean()


def fit_mapping(networks: Networks, codes: Tensor, steps: int = 1500, seed: int = 0) -> None:
    """Fit w = Az + MLP(z) to codes [N, D]: A by the moments, then all by sliced Wasserstein distance."""
    mapping = networks.generator.map
    assert mapping.skip is not None
    source = torch.Generator().manual_seed(seed)
    mean, centred = codes.mean(0), codes - codes.mean(0)
    covariance = centred.T @ centred / len(codes)
    root = torch.linalg.cholesky(covariance.double() + 1e-6 * torch.eye(len(mean)).to(covariance)).float()
    with torch.no_grad():
        mapping.skip.weight.copy_(root / mapping.skip.weight_gain)
        mapping.skip.bias.copy_(mean)
        last = mapping.layers[-1]
        last.weight.mul_(0.01)  # type: ignore[operator]
    mapping.requires_grad_(True)
    optimiser = torch.optim.Adam(mapping.parameters(), lr=1e-3)
    size = min(1024, len(codes))
    for step in trange(steps, desc="mapping"):
        for group in optimiser.param_groups:
            group["lr"] = 1e-3 * 0.5 * (1 + math.cos(math.pi * step / steps))
        z = torch.randn(size, mapping.skip.weight.shape[1], generator=source).to(codes.device)
        real = codes[torch.randperm(len(codes), generator=source)[:size].to(codes.device)]
        lines = F.normalize(torch.randn(codes.shape[1], 128, generator=source), dim=0).to(codes.device)
        made = (mapping(z) @ lines).sort(0).values
        loss = (made - (real @ lines).sort(0).values).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    mapping.requires_grad_(False)
