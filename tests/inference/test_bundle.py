"""Bundles: one digest before and after saving, nothing believed that is not what was written."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from inference.bundle import Bundle, write_toml
from inference.encoders import InDomainEncoder
from inference.errors import BundleError
from inference.generators import StyleGAN2Generator
from inference.perceptual import Perceptual


def tiny(seed: int = 0, **changes: object) -> Bundle:
    torch.manual_seed(seed)
    widths = {"4": 8, "8": 8, "16": 8}
    parts: dict[str, object] = {
        "name": "tiny",
        "generator": StyleGAN2Generator(
            resolution=16, widths=widths, z_dim=4, code_dim=6, mapping_layers=2, normalize_z=False
        ),
        "encoder": InDomainEncoder(resolution=16, widths=widths, num_layers=6, code_dim=6, hidden=8),
        "perceptual": Perceptual(resolution=16, widths=widths, outputs=4),
        "metric_weights": [1.0, 2.0, 0.5, 0.5, 1.0, 1.0],
        "thresholds": {"null_floor": 0.1, "unrelated": 3.0, "out_of_domain": 0.2},
        "metadata": {
            "title": 'A "tiny" one\nin two lines',
            "facts": {"people": 3, "ok": True, "odd key": [1, 2.5]},
        },
    }
    return Bundle(**(parts | changes))  # type: ignore[arg-type]


def test_saved_and_loaded_is_the_same_bundle(tmp_path: Path) -> None:
    bundle = tiny()
    bundle.save(tmp_path / "b")
    again = Bundle.load(tmp_path / "b", device="cpu")
    assert again.digest == bundle.digest
    assert len(again.digest) == 64
    assert again.metadata == bundle.metadata
    assert again.thresholds == bundle.thresholds
    assert torch.equal(again.metric_weights, bundle.metric_weights)
    codes = bundle.generator.mapping(torch.randn(2, 4))
    assert torch.equal(again.generator.synthesis(codes), bundle.generator.synthesis(codes))
    image = torch.rand(1, 3, 16, 16)
    assert torch.equal(again.encoder(image), bundle.encoder(image))
    assert torch.equal(again.perceptual(image, -image), bundle.perceptual(image, -image))
    assert not any(p.requires_grad for network in again.networks().values() for p in network.parameters())
    again.save(tmp_path / "c")
    assert (tmp_path / "b" / "bundle.toml").read_bytes() == (tmp_path / "c" / "bundle.toml").read_bytes()


def test_stored_as_half_and_run_as_float(tmp_path: Path) -> None:
    tiny().save(tmp_path)
    stored = load_file(tmp_path / "generator.safetensors")
    assert stored["const"].dtype == torch.float16
    assert Bundle.load(tmp_path, "cpu").generator.state_dict()["const"].dtype == torch.float32
    tiny(storage="float32").save(tmp_path / "full")
    assert load_file(tmp_path / "full" / "generator.safetensors")["const"].dtype == torch.float32


def test_the_digest_is_of_the_content() -> None:
    bundle = tiny()
    assert tiny().digest == bundle.digest
    others = [
        tiny(seed=1),
        tiny(metric_weights=[1.0, 2.0, 0.5, 0.5, 1.0, 1.1]),
        tiny(thresholds={"null_floor": 0.1, "unrelated": 3.0, "out_of_domain": 0.3}),
        tiny(metadata={"title": "Other"}),
    ]
    assert len({bundle.digest, *(other.digest for other in others)}) == 5


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"metric_weights": [1.0] * 5}, "metric_weights"),
        ({"metric_weights": [1.0] * 5 + [-0.1]}, "negative"),
        ({"thresholds": {"null_floor": 0.1}}, "unrelated"),
        ({"thresholds": {"null_floor": 0.1, "unrelated": float("nan"), "out_of_domain": 1.0}}, "unrelated"),
        (
            {
                "encoder": InDomainEncoder(
                    resolution=16, widths={"4": 8, "8": 8}, num_layers=5, code_dim=6, hidden=8
                )
            },
            r"\[5, 6\]",
        ),
    ],
)
def test_parts_that_do_not_fit_are_refused(changes: dict[str, object], word: str) -> None:
    with pytest.raises(BundleError, match=word):
        tiny(**changes)


def test_what_is_not_a_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="nowhere") as refusal:
        Bundle.load(tmp_path / "nowhere")
    assert refusal.value.code == "bundle:missing"
    assert "portraits" in str(refusal.value)
    with pytest.raises(BundleError, match=r"bundle\.toml"):
        Bundle.load(tmp_path)


def damaged(folder: Path, damage: str) -> None:
    toml = folder / "bundle.toml"
    text = toml.read_text()
    weights = folder / "encoder.safetensors"
    if damage == "flipped bit":
        content = bytearray(weights.read_bytes())
        content[-7] ^= 1
        weights.write_bytes(bytes(content))
    elif damage == "cut short":
        weights.write_bytes(weights.read_bytes()[:-20])
    elif damage == "missing file":
        weights.unlink()
    elif damage == "link outside":
        elsewhere = folder.parent / "elsewhere.safetensors"
        weights.rename(elsewhere)
        weights.symlink_to(elsewhere)
    elif damage == "not toml":
        toml.write_text("= what")
    elif damage == "later format":
        toml.write_text(text.replace("format = 1", "format = 99"))
    elif damage == "other files":
        toml.write_text(text.replace("[sha256]", '[sha256]\n"../../etc/passwd" = "00"'))
    elif damage == "no table":
        toml.write_text(text.replace("[thresholds]", "[nonsense]"))
    elif damage == "unknown family":
        toml.write_text(text.replace('"stylegan2"', '"stylegan9"'))
    elif damage == "other shape":
        toml.write_text(text.replace("code_dim = 6", "code_dim = 7"))


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        ("flipped bit", "bundle:corrupt"),
        ("cut short", "bundle:corrupt"),
        ("missing file", "bundle:missing"),
        ("link outside", "bundle:unsafe"),
        ("not toml", "bundle:manifest"),
        ("later format", "bundle:format"),
        ("other files", "bundle:files"),
        ("no table", "bundle:manifest"),
        ("unknown family", "bundle:manifest"),
        ("other shape", "bundle:weights"),
    ],
)
def test_damage_is_told_plainly(tmp_path: Path, damage: str, code: str) -> None:
    folder = tmp_path / "b"
    tiny().save(folder)
    Bundle.load(folder)
    damaged(folder, damage)
    with pytest.raises(BundleError) as refusal:
        Bundle.load(folder)
    assert refusal.value.code == code
    assert refusal.value.came
    assert refusal.value.wanted


def test_a_pickle_in_place_of_weights_is_never_loaded(tmp_path: Path) -> None:
    import hashlib

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str, str]]:
            return open, (str(tmp_path / "sprung"), "w")

    folder = tmp_path / "b"
    tiny().save(folder)
    old = hashlib.sha256((folder / "encoder.safetensors").read_bytes()).hexdigest()
    torch.save(Trap(), folder / "encoder.safetensors")
    new = hashlib.sha256((folder / "encoder.safetensors").read_bytes()).hexdigest()
    (folder / "bundle.toml").write_text((folder / "bundle.toml").read_text().replace(old, new))
    with pytest.raises(BundleError, match="not safetensors"):
        Bundle.load(folder)
    assert not (tmp_path / "sprung").exists()


def test_extra_tensors_are_refused(tmp_path: Path) -> None:
    import hashlib

    tiny().save(tmp_path)
    path = tmp_path / "generator.safetensors"
    old = hashlib.sha256(path.read_bytes()).hexdigest()
    save_file({**load_file(path), "extra": torch.zeros(1)}, path)
    new = hashlib.sha256(path.read_bytes()).hexdigest()
    toml = tmp_path / "bundle.toml"
    toml.write_text(toml.read_text().replace(old, new))
    with pytest.raises(BundleError, match="extra"):
        Bundle.load(tmp_path)


def test_toml_is_read_back_as_written() -> None:
    table = {
        "a": 'quote " and \\ and ünïcode',
        "b": {"c d": [1, 2.5e-9], "e": {"f": True}},
        "g": -3,
    }
    assert tomllib.loads(write_toml(table)) == table
    with pytest.raises(BundleError, match="NoneType"):
        write_toml({"x": None})


def test_the_embedded_bundle_is_whole() -> None:
    bundle = Bundle.load("portraits", device="cpu")
    assert bundle.name == "portraits"
    assert bundle.generator.resolution == 128
    assert bundle.metadata["licence"] == "Apache-2.0"
    assert bundle.metadata["note"]
    assert float(bundle.metric_weights.mean()) == pytest.approx(1.0, abs=1e-3)
    assert 0 < bundle.thresholds["null_floor"] < bundle.thresholds["unrelated"]
    assert Bundle.load("portraits", device="cpu").digest == bundle.digest
