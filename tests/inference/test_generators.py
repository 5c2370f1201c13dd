"""StyleGAN2 synthesis and mapping, and the encoder: shapes, arithmetic against the paper's, refusals."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F

from inference.encoders import ENCODERS, InDomainEncoder
from inference.errors import RegistryError, ShapeError
from inference.generators import GENERATORS, StyleGAN2Generator
from inference.generators.stylegan2 import ModulatedConv, upsample
from inference.portraits.training.networks import make_encoder, make_generator

WIDTHS = {"4": 12, "8": 12, "16": 8, "32": 8}


def tiny(**options: Any) -> StyleGAN2Generator:
    torch.manual_seed(0)
    settings = {"resolution": 32, "widths": WIDTHS, "z_dim": 6, "code_dim": 10, "mapping_layers": 2}
    return StyleGAN2Generator(**(settings | options)).eval().requires_grad_(False)


def test_shapes_and_attributes() -> None:
    generator = tiny()
    codes = generator.mapping(torch.randn(3, 6))
    assert codes.shape == (3, generator.num_layers, generator.code_dim) == (3, 8, 10)
    assert generator.synthesis(codes).shape == (3, 3, 32, 32)
    assert (generator.family, generator.space, generator.resolution, generator.z_dim) == (
        "stylegan2",
        "W+",
        32,
        6,
    )
    assert torch.equal(generator(torch.ones(2, 6)), generator.synthesis(generator.mapping(torch.ones(2, 6))))


@pytest.mark.parametrize("up", [False, True])
@pytest.mark.parametrize("demodulate", [False, True])
def test_modulated_convolution_is_the_papers(up: bool, demodulate: bool) -> None:
    """Scaling inputs and outputs equals convolving each picture with its own demodulated weights."""
    torch.manual_seed(1)
    conv = ModulatedConv(5, 7, 3, 4, demodulate=demodulate, up=up).double()
    x, w, bias = torch.randn(2, 5, 6, 6).double(), torch.randn(2, 4).double(), torch.randn(7).double()
    style = conv.affine(w)
    if demodulate:
        style = style / style.square().mean(1, keepdim=True).sqrt()
    expected = []
    for picture, scale in zip(x, style, strict=True):
        weight = conv.weight * conv.weight_gain * scale[None, :, None, None]  # w' = s w
        if demodulate:
            weight = weight / (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt() * 2**0.5
        if up:
            spread = F.conv_transpose2d(picture[None], weight.transpose(0, 1), stride=2)
            taps = torch.tensor([1.0, 3.0, 3.0, 1.0]).double() / 4
            fir = torch.outer(taps, taps).expand(7, 1, 4, 4)
            made = F.conv2d(F.pad(spread, (1, 1, 1, 1)), fir, groups=7)
        else:
            made = F.conv2d(picture[None], weight, padding=1)
        expected.append(made + bias[None, :, None, None])
    torch.testing.assert_close(conv(x, w, bias), torch.cat(expected), rtol=1e-6, atol=1e-6)


def test_rgb_doubling_is_the_1331_filter() -> None:
    """Inside the picture, bilinear doubling equals zero insertion and the [1, 3, 3, 1] filter."""
    image = torch.randn(1, 3, 8, 8)
    spread = torch.zeros(1, 3, 16, 16)
    spread[..., ::2, ::2] = image
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 4
    fir = torch.outer(taps, taps).expand(3, 1, 4, 4)
    filtered = F.conv2d(F.pad(spread, (2, 1, 2, 1)), fir, groups=3)
    torch.testing.assert_close(upsample(image)[..., 2:-2, 2:-2], filtered[..., 2:-2, 2:-2])


def test_each_code_layer_reaches_the_picture_at_its_own_scale() -> None:
    generator = tiny()
    codes = generator.mapping(torch.randn(1, 6))
    base = generator.synthesis(codes)
    for layer in range(generator.num_layers):
        moved = codes.clone()
        moved[:, layer] += torch.randn(10)
        assert not torch.allclose(generator.synthesis(moved), base, atol=1e-5), layer
    late = codes.clone()
    late[:, 6:] += 1.0  # the last resolution's own layers leave the picture before it alone
    torch.testing.assert_close(generator.pyramid(late, "none", 16), generator.pyramid(codes, "none", 16))


def test_noise_has_its_own_strength() -> None:
    generator = tiny()
    codes = generator.mapping(torch.randn(1, 6))
    quiet = generator.synthesis(codes, noise="none")
    assert torch.equal(generator.synthesis(codes, noise="const"), quiet)  # strengths start at zero
    for block in generator.blocks:
        block.conv.noise_strength.fill_(0.5)  # type: ignore[union-attr,operator]
    constant = generator.synthesis(codes, noise="const")
    assert torch.equal(constant, generator.synthesis(codes))
    assert not torch.allclose(constant, quiet, atol=1e-3)
    assert not torch.allclose(generator.synthesis(codes, "random"), generator.synthesis(codes, "random"))


def test_truncation_pulls_only_the_first_layers() -> None:
    generator = tiny()
    generator.w_avg.normal_()
    z = torch.randn(2, 6)
    full = generator.mapping(z)
    cut = generator.mapping(z, truncation=0.25, cutoff=3)
    assert torch.equal(cut[:, 3:], full[:, 3:])
    torch.testing.assert_close(cut[:, :3] - generator.w_avg, 0.25 * (full[:, :3] - generator.w_avg))
    mean = generator.mapping(z, truncation=0.0)
    torch.testing.assert_close(mean, generator.w_avg.expand_as(mean))


def test_mapping_normalises_z_unless_told_not_to() -> None:
    z = torch.randn(2, 6)
    assert torch.allclose(tiny().mapping(z), tiny().mapping(3 * z), atol=1e-5)
    plain = tiny(normalize_z=False, linear_skip=True)
    assert not torch.allclose(plain.mapping(z), plain.mapping(3 * z), atol=1e-2)


def test_a_picture_does_not_depend_on_its_company() -> None:
    generator, encoder = make_generator(8, 16), make_encoder(16, per_layer=True)
    codes = generator.mapping(torch.randn(3, 8))
    with torch.no_grad():
        together = generator.synthesis(codes)
        torch.testing.assert_close(together[1:2], generator.synthesis(codes[1:2]), atol=2e-4, rtol=1e-4)
        torch.testing.assert_close(encoder(together)[2:], encoder(together[2:]), atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("call", "came"),
    [
        (lambda g: g.synthesis(torch.zeros(1, 7, 10)), "(1, 7, 10)"),
        (lambda g: g.synthesis(torch.zeros(8, 10)), "(8, 10)"),
        (lambda g: g.synthesis(torch.zeros(1, 8, 10, dtype=torch.long)), "int64"),
        (lambda g: g.synthesis(torch.zeros(1, 8, 10), noise="loud"), "loud"),
        (lambda g: g.mapping(torch.zeros(1, 5)), "(1, 5)"),
        (lambda g: g.mapping(torch.zeros(1, 6), label=torch.zeros(1)), "label"),
    ],
)
def test_refusals_say_what_came(call: Any, came: str) -> None:
    with pytest.raises(ShapeError) as refusal:
        call(tiny())
    assert came in str(refusal.value)
    assert refusal.value.wanted


def test_encoder_shapes_parts_and_refusals() -> None:
    encoder = InDomainEncoder(
        resolution=32, widths={"16": 8, "8": 8, "4": 8}, num_layers=8, code_dim=10, hidden=16
    )
    images = torch.rand(2, 3, 32, 32) * 2 - 1
    w, deltas = encoder.split(images)
    assert w.shape == (2, 10)
    assert deltas.shape == (2, 8, 10)
    assert torch.equal(deltas, torch.zeros_like(deltas))  # W until trained otherwise
    torch.testing.assert_close(encoder(images), w[:, None, :] + deltas)
    with pytest.raises(ShapeError, match="64"):
        encoder(torch.zeros(1, 3, 64, 64))


def test_registries_refuse_the_unknown_the_doubled_and_wrong_options() -> None:
    with pytest.raises(RegistryError, match="stylegan9"):
        GENERATORS.build("stylegan9", {})
    with pytest.raises(RegistryError, match="nonsense"):
        GENERATORS.build("stylegan2", {"nonsense": 1})
    with pytest.raises(RegistryError, match="power of two"):
        tiny(resolution=48)
    with pytest.raises(RegistryError, match="indomain"):
        ENCODERS.build("other", {})
    with pytest.raises(RegistryError, match="a second"):
        GENERATORS.register("stylegan2")(StyleGAN2Generator)
    with pytest.raises(RegistryError, match="a second"):
        ENCODERS.register("indomain")(InDomainEncoder)
    assert GENERATORS.get("stylegan2") is StyleGAN2Generator
    assert ENCODERS.get("indomain") is InDomainEncoder
    again = GENERATORS.build("stylegan2", tiny().config)
    assert again.config == tiny().config
