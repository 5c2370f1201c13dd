"""The label-free recipe: pictures alone, w = E(x), G(w) ~ x, and a latent space that is made straight.

Plain autoencoding reconstructs well and leaves a crooked latent space. What straightens it, without a label:

- *Noise and a prior.* w is disturbed by N(0, s^2), one learned s a dimension, and pays
  KL(N(w, s^2) || N(0, 1)) (Kingma and Welling 2014). One s for all pictures makes equal steps in w equal
  changes of the picture, wherever they start: an isometry (Kato et al. 2020), and the coordinates in which a
  world of separate changes is flat. Dimensions that nothing needs fall silent.
- *Analogies.* a + b - c of three codes must be the code of its own picture, E(G(w)) = w (the latent
  consistency of in-domain inversion, Zhu et al. 2020), so that where sliders lead is known to both networks.
- *Grafts.* Two faces, one of them q itself, get the same soft patch of p, then that of q. The code's change
  from p to q must not depend on the face.
- *Recolouring.* Nor may it depend on a colour that face and patch share: a moustache is one, brown under
  brown hair and blond under blond. To pixels and to straightness alone the two are opposite changes, one
  darkens the lip and the other brightens it.
- *A critic of mixes.* Codes that are one person's in a random subspace and another's in the rest must draw
  what the critic takes for drawings. Straightness alone is content with "upper lip darker", which is a
  moustache on a dark-haired head only; but nobody has dark moustaches under blond hair.

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
from inference.portraits.training.adversary import Critic, adversary
from inference.portraits.training.networks import FEATURE_WIDTHS, RESOLUTION, make_encoder, make_generator
from inference.portraits.training.recipe import Batch, Facts, Networks, Recipe, Stage

CODE_DIM = 64
TEMPERATURE = 0.1
LIKENESS = 0.25  # of colours in [-1, 1]^3 that change together
PLACES = 12  # compared per picture and level in the perceptual stage
_BOTH = ("generator", "encoder")


class Helpers(nn.Module):
    """The learned noise of each dimension, a projection for each perceptual level, and the critic."""

    def __init__(self, widths: Mapping[str, int], resolution: int = RESOLUTION) -> None:
        super().__init__()
        self.log_noise = nn.Parameter(torch.full((CODE_DIM,), -1.0))
        self.critic = Critic(resolution)
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
        Stage("auto-64", 0.22, 16, 4e-3, 64, _BOTH, floor=0.5, layers_pace=2, fresh_pace=4, encoder_pace=0.2),
        Stage("auto-128", 0.45, 16, 3e-3, RESOLUTION, _BOTH, 0.0, 0.1, 2, 3, encoder_pace=0.2),
        Stage("polish", 0.08, 16, 8e-4, RESOLUTION, _BOTH, 0.0, 0.02, 2, 2, encoder_pace=0.25),
    )
    again = ("auto-128", "polish")

    # weights of the losses; the prior's is per nat
    prior = {"auto-32": 4e-4, "auto-64": 3e-4, "auto-128": 1.5e-4, "polish": 1e-4}
    imagined = 0.05
    grafts = 0.02
    recolours = 0.1
    critic = 0.02
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
        grafted, patch = graft(images, max(1, count // 4), batch.source)
        own = grafted[2 * len(patch) :]
        recoloured, done = recolour(own, patch, images.flip(0)[: len(patch)], batch.source)
        encoded, _ = networks.encoder.split(torch.cat([images, grafted, recoloured]))
        w, on_hosts, in_colours = torch.split(encoded, [count, len(grafted), len(recoloured)])
        noise = helpers.log_noise.clamp(-6, 0).exp()
        wanted = losses.reduced(images, stage.resolution)
        with torch.no_grad():
            analogies = (w + w.roll(1, 0) - w.roll(2, 0))[:some]
            mixed = mixes(w, w.roll(3, 0), batch.source)[: 2 * some]
        imagined = torch.cat([analogies, mixed])
        codes = torch.cat([w + noise * batch.normal_like(w), imagined])
        output = networks.generator.pyramid(_all_layers(networks, codes), "none", stage.resolution)
        made, drawn = output[:count], output[count:]
        loss = losses.picture_loss(made, wanted) + self.worst * losses.worst_places(made, wanted)
        prior = 0.5 * (w.square() + noise.square() - 2 * noise.log() - 1).sum(1).mean()
        found, _ = networks.encoder.split(F.interpolate(drawn, size=images.shape[-1], mode="bilinear"))
        consistency = F.smooth_l1_loss(found, imagined, beta=0.3)
        crooked = disagreement(on_hosts).mean()
        tinged = (disagreement(torch.cat([on_hosts[2 * len(patch) :], in_colours])) * done).mean()
        loss = loss + self.prior[stage.name] * prior + self.imagined * consistency
        loss = loss + self.grafts * crooked + self.recolours * tinged
        facts = {
            "psnr": float(losses.psnr(made.detach(), wanted).mean()),
            "prior": float(prior.detach()),
            "live": float((noise.detach() < 0.7).sum()),
            "spread": float(w.detach().var(0).sum()),
            "consistency": float(consistency.detach()),
            "crooked": float(crooked.detach()),
            "tinged": float(tinged.detach()),
        }
        if stage.resolution == images.shape[-1]:
            weight = self.perceptual * (0.2 if stage.name == "polish" else 1.0)
            distance = losses.feature_distance(networks.perceptual, made, images)
            fooled, told, gap = adversary(helpers.critic, torch.cat([drawn[some:], made[:some]]), images)
            loss = loss + weight * distance + self.critic * (fooled + told)
            facts |= {"lpips": float(distance.detach()), "told_apart": gap}
        return loss, facts

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
    """`some` times four pictures [4 * some, 3, R, R]: a face a and the face q, each with p's patch and with
    q's, in the order ap, aq, qp, q; and the soft patches [some, 1, R, R].

    The patch is an ellipse at the same place of all four; pictures are aligned, so it carries the same part.
    It lies where p and q differ more than two pictures usually do, or small things would hardly ever be met,
    and takes on the host's colour along its rim, or all its change would be one of skin.
    """
    count, size = len(images), images.shape[-1]
    order = torch.stack([torch.randperm(count, generator=source)[:3] for _ in range(some)])  # [S, 3]
    a, p, q = (images[order[:, k].to(images.device)] for k in range(3))
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

    return torch.cat([joined(host, donor) for host in (a, q) for donor in (p, q)]), patch


def recolour(
    images: Tensor, change: Tensor, others: Tensor, source: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Pictures before and after a change [2S, 3, R, R] with one of its colours exchanged, wherever in the
    picture it occurs; and whether that could be done [S].

    The colour is taken from a place where the two differ (a moustache), a place of like colour is sought
    outside the `change` [S, 1, R, R] (the hair), and what `others` [S, 3, R, R] have there (blond) is put in
    its stead everywhere. A colour that occurs nowhere else (painted lips) is left alone.
    """
    before, after = images.chunk(2)
    size = images.shape[-1]

    def drawn(weights: Tensor) -> Tensor:
        likely = weights.flatten(1).float().cpu() + 1e-9
        return torch.multinomial(likely, 1, generator=source).to(images.device)

    def at(pictures: Tensor, place: Tensor) -> Tensor:
        smooth = F.avg_pool2d(pictures, 3, stride=1, padding=1, count_include_pad=False).flatten(2)
        return smooth.gather(2, place[:, None].expand(-1, 3, -1))[..., None]  # [S, 3, 1, 1]

    differs = (after - before).square().sum(1) * change[:, 0]
    coloured = torch.where(torch.rand(len(before), 1, 1, 1, generator=source).to(images) < 0.5, before, after)
    colour = at(coloured, drawn(differs))
    alike = [torch.exp(-(x - colour).square().sum(1) / (2 * LIKENESS**2)) for x in (before, after)]
    elsewhere = alike[0] * (1 - change[:, 0])
    shift = at(others, drawn(elsewhere)) - colour
    done = elsewhere.sum((1, 2)) > 0.02 * size**2
    shifted = [x + a[:, None] * shift for x, a in zip((before, after), alike, strict=True)]
    return torch.cat(shifted).clamp(-1, 1), done


def mixes(a: Tensor, b: Tensor, source: torch.Generator) -> Tensor:
    """Codes [B, D] that are b in a random subspace and a in what is orthogonal to it.

    Where codes are normal and independent, as the prior wants them, a mix is as likely as what it is mixed
    of; a linear combination would lie further out.
    """
    size = a.shape[1]
    basis, _ = torch.linalg.qr(torch.randn(size, size, generator=source))
    rank = int(torch.randint(1, size, (1,), generator=source))
    chosen = basis[:, :rank].to(a)
    mixed: Tensor = a + (b - a) @ chosen @ chosen.T
    return mixed


def disagreement(codes: Tensor) -> Tensor:
    """How far each change depends on where it is made: codes [4S, D] of four pictures as `graft` orders them
    (one face before and after, another before and after) -> [S].

    Squared difference of the two changes over their mean squared length: 0 is straight, 2 is unrelated, 4 is
    opposite.
    """
    one_before, one_after, other_before, other_after = codes.chunk(4)
    first, second = one_after - one_before, other_after - other_before
    length = 0.5 * (first.square().sum(1) + second.square().sum(1))
    return (first - second).square().sum(1) / (length + 0.05)


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
