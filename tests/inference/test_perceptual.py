"""LPIPS with our backbone and with published ones (random weights stand in for the downloads)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from inference.errors import BundleError, RegistryError, ShapeError
from inference.perceptual import Perceptual, import_lpips, load_backbone

WIDTHS = {"16": 4, "8": 6, "4": 8}


@pytest.fixture(scope="module")
def ours() -> Perceptual:
    torch.manual_seed(0)
    return Perceptual(net="attributes", resolution=32, widths=WIDTHS, outputs=5)


def test_distance_is_zero_symmetric_and_grows(ours: Perceptual) -> None:
    torch.manual_seed(1)
    a = torch.rand(3, 3, 32, 32) * 2 - 1
    noise = torch.randn_like(a)
    assert torch.equal(ours(a, a), torch.zeros(3))
    little, much = ours(a, a + 0.05 * noise), ours(a, a + 0.5 * noise)
    assert little.shape == (3,)
    assert bool((little > 0).all())
    assert bool((much > little).all())
    torch.testing.assert_close(ours(a, a + noise), ours(a + noise, a))


def test_features_computed_once_give_the_same_distance(ours: Perceptual) -> None:
    a, b = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(ours.compare(ours.features(a), ours.features(b)), ours(a, b))
    assert len(ours.features(a)) == 3
    assert ours.predict(a).shape == (2, 5)


def test_gradients_reach_the_picture(ours: Perceptual) -> None:
    a = torch.rand(1, 3, 32, 32, requires_grad=True)
    ours(a, torch.rand(1, 3, 32, 32)).sum().backward()
    assert a.grad is not None
    assert bool(a.grad.isfinite().all())
    assert float(a.grad.abs().sum()) > 0


def test_refusals(ours: Perceptual) -> None:
    with pytest.raises(ShapeError, match="one shape"):
        ours(torch.zeros(1, 3, 32, 32), torch.zeros(2, 3, 32, 32))
    with pytest.raises(RegistryError, match="resnet"):
        Perceptual(net="resnet")
    with pytest.raises(RegistryError, match="attributes"):
        Perceptual(net="attributes")


def classifier(net: str) -> dict[str, torch.Tensor]:
    """What torchvision would publish for this network, with random numbers."""
    import_lpips()
    from torchvision import models

    torch.manual_seed(3)
    build = {"alex": models.alexnet, "vgg": models.vgg16, "squeeze": models.squeezenet1_1}[net]
    return {k: v for k, v in build(weights=None).state_dict().items() if k.startswith("features.")}


@pytest.mark.parametrize("net", ["alex", "squeeze"])
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_published_backbones_load_from_a_file(net: str, suffix: str, tmp_path: Path) -> None:
    state = classifier(net)
    path = tmp_path / f"backbone{suffix}"
    save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)
    perceptual = load_backbone(net, path)
    loaded = perceptual.metric.net.state_dict()
    for key, value in loaded.items():
        assert torch.equal(value, state["features." + key.split(".", 1)[1]]), key
    lpips = import_lpips()
    reference = lpips.LPIPS(
        pretrained=True, net=net, pnet_rand=True, verbose=False
    )  # its own channel weights
    reference.net.load_state_dict(loaded)
    a, b = torch.rand(2, 3, 64, 64) * 2 - 1, torch.rand(2, 3, 64, 64) * 2 - 1
    torch.testing.assert_close(perceptual(a, b), reference(a, b).flatten())
    torch.testing.assert_close(
        perceptual.compare(perceptual.features(a), perceptual.features(b)), perceptual(a, b)
    )


def test_the_vgg_path_has_the_published_layout(tmp_path: Path) -> None:
    state = {k: v.half() for k, v in classifier("vgg").items()}
    save_file(state, tmp_path / "vgg.safetensors")
    perceptual = load_backbone("vgg", tmp_path / "vgg.safetensors")
    image = torch.rand(1, 3, 32, 32)
    assert len(perceptual.features(image)) == 5
    assert perceptual(image, image).item() == 0.0


def test_wrong_files_are_refused(tmp_path: Path) -> None:
    save_file({"features.0.weight": torch.zeros(1)}, tmp_path / "odd.safetensors")
    with pytest.raises(BundleError, match=r"odd\.safetensors"):
        load_backbone("alex", tmp_path / "odd.safetensors")
    (tmp_path / "text.pth").write_text("no tensors")
    with pytest.raises(BundleError, match=r"text\.pth"):
        load_backbone("alex", tmp_path / "text.pth")
    with pytest.raises(BundleError, match="gone"):
        load_backbone("alex", tmp_path / "gone.pth")
    with pytest.raises(RegistryError, match="dense"):
        load_backbone("dense", tmp_path / "odd.safetensors")


def test_a_pickle_that_runs_code_is_not_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str, str]]:
            return open, (str(tmp_path / "sprung"), "w")

    torch.save({"features.0.weight": Trap()}, tmp_path / "trap.pth")
    with pytest.raises(BundleError):
        load_backbone("alex", tmp_path / "trap.pth")
    assert not (tmp_path / "sprung").exists()


def test_lpips_imports_in_a_fresh_process_with_or_without_torchvisions_operators() -> None:
    code = "from inference.perceptual import import_lpips; print(import_lpips().LPIPS.__name__)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "LPIPS"
