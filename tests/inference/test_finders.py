from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import torch

from inference import effect_metric
from inference.averaging import load_direction
from inference.errors import DirectionError, FinderError, ShapeError
from inference.finders import Direction, PairDifference, direction_from_codes, find_direction
from inference.finders.material import Material
from inference.finders.quality import changed_region
from inference.inversion import invert

from .conftest import make_tiny_bundle


def with_thresholds(**thresholds):
    return make_tiny_bundle(**thresholds)


def test_vector_is_the_unit_difference(tiny, made):
    _, images = made(2)
    direction = find_direction(tiny, images[:1], images[1:], steps=2)
    both = invert(tiny, images, steps=2)
    difference = (both.codes[1] - both.codes[0]).double().numpy()
    assert direction.step == pytest.approx(np.linalg.norm(difference), rel=1e-4)
    assert np.linalg.norm(direction.vector) == pytest.approx(1.0, abs=1e-5)
    assert direction.step * direction.vector == pytest.approx(difference, abs=1e-4)
    assert direction.before_codes == pytest.approx(both.codes[0].numpy(), abs=1e-5)
    assert direction.digest == tiny.digest
    assert direction.space == "W+"
    assert direction.quality["movement"] == pytest.approx(
        float(effect_metric.norm(difference, tiny.metric_weights)), rel=1e-4
    )


def test_one_difference_for_all_layers(tiny, made):
    _, images = made(2)
    both = invert(tiny, images, steps=3)
    shared = direction_from_codes(tiny, both[0], both[1], images[:1], images[1:], space="W")
    assert np.ptp(shared.vector, axis=0).max() == 0.0
    assert np.linalg.norm(shared.vector) == pytest.approx(1.0, abs=1e-5)
    difference = (both.codes[1] - both.codes[0]).double().numpy()
    weights = tiny.metric_weights.numpy()

    def left(delta):
        return float(effect_metric.norm(difference - delta, weights))

    best = shared.step * shared.vector
    for seed in range(4):
        nudge = np.broadcast_to(0.1 * np.random.default_rng(seed).normal(size=16), (8, 16))
        assert left(best) < left(best + nudge)


def test_the_error_is_split_by_the_changed_region(tiny, made):
    """Both inversions are perfect but for one corner of the after picture, which is also where it changed."""
    _, images = made(1)
    before = images.clone().clamp(-0.5, 0.5)
    after = before.clone()
    after[..., :8, :8] += 0.5
    both = invert(tiny, torch.cat([before, after]), steps=0)
    perfect = [
        type(one)(**{**vars(one), "images": picture})
        for one, picture in zip(both, (before, before), strict=True)
    ]
    quality = direction_from_codes(tiny, perfect[0], perfect[1], before, after).quality
    assert quality["error_outside"] == pytest.approx(0.0)
    assert quality["error_inside"] > 0.05
    assert quality["change_kept"] == pytest.approx(0.0)
    assert 64 / 1024 <= quality["changed_fraction"] < 150 / 1024
    kept = [
        type(one)(**{**vars(one), "images": picture})
        for one, picture in zip(both, (before, after), strict=True)
    ]
    assert direction_from_codes(tiny, kept[0], kept[1], before, after).quality[
        "change_kept"
    ] == pytest.approx(1.0)


def test_quality_is_json(tiny, made):
    _, images = made(2)
    quality = find_direction(tiny, images[:1], images[1:], steps=0).quality
    assert json.loads(json.dumps(quality)) == quality


def test_no_change_has_no_region(made):
    _, images = made(1)
    assert not changed_region(images, images).any()


class TestVerdicts:
    def test_an_honest_pair_has_none(self, tiny, made):
        _, images = made(2)
        quality = find_direction(tiny, images[:1], images[1:], steps=0).quality
        assert (quality["verdict"], quality["reason"]) == (None, "")

    def test_the_same_picture(self, tiny, made):
        _, images = made(1)
        direction = find_direction(tiny, images, images.clone(), steps=2)
        assert direction.quality["verdict"] == "same-picture"
        assert direction.quality["movement_over_null"] < 1
        assert direction.quality["changed_fraction"] == 0.0
        assert direction.quality["error_inside"] is None

    def test_unrelated_pictures(self, made):
        _, images = made(2)
        before, after = images[:1], (images[1:] + 0.2).clamp(max=1.0)
        quality = find_direction(with_thresholds(unrelated=0.02), before, after, steps=0).quality
        assert quality["verdict"] == "unrelated-pictures"

    def test_a_strong_change_that_leaves_a_third_as_it_was_is_not_unrelated(self, made):
        _, images = made(2)
        before, after = images[:1], (images[1:] + 0.2).clamp(max=1.0)
        rows = before.shape[2] // 3
        after[:, :, :rows] = before[:, :, :rows]
        quality = find_direction(with_thresholds(unrelated=0.02), before, after, steps=0).quality
        assert quality["movement"] > 0.02
        assert quality["verdict"] is None

    def test_out_of_domain_comes_first(self, made):
        _, images = made(2)
        strict = with_thresholds(out_of_domain=0.001, unrelated=0.02)
        quality = find_direction(strict, images[:1], images[1:], steps=0).quality
        assert quality["verdict"] == "out-of-domain"
        assert "Neither picture" in quality["reason"]

    def test_one_foreign_picture_is_named(self, made):
        _, images = made(2)
        errors = invert(with_thresholds(), images, steps=0).errors
        order = errors.argsort()
        halfway = float(errors.mean())
        quality = find_direction(
            with_thresholds(out_of_domain=halfway), images[order[:1]], images[order[1:]], steps=0
        ).quality
        assert quality["verdict"] == "out-of-domain"
        assert "after" in quality["reason"]


def test_a_pair_is_one_picture_and_one_picture(tiny, made):
    _, images = made(2)
    with pytest.raises(ShapeError, match="before of 2 images"):
        find_direction(tiny, images, images[:1])
    with pytest.raises(ShapeError, match="after of shape"):
        find_direction(tiny, images[:1], images[:1, :, :16])


def test_inversions_of_another_generator_are_refused(tiny, other_tiny, made):
    _, images = made(2)
    ours, theirs = invert(tiny, images, steps=0), invert(other_tiny, images, steps=0)
    with pytest.raises(DirectionError) as caught:
        direction_from_codes(tiny, ours[0], theirs[1], images[:1], images[1:])
    assert caught.value.code == "direction:generator"


def test_a_pair_is_two_codes():
    codes = [np.zeros((2, 3)), np.ones((2, 3))]
    fitted = PairDifference("W").fit(Material(codes, [1, 1], labels=[0, 1]))
    assert fitted.components_[0] == pytest.approx(np.full((2, 3), 6**-0.5))
    assert fitted.steps_ == pytest.approx([6**0.5])
    back = PairDifference("W").fit(Material(codes, [1, 1], labels=[1, 0]))
    assert back.components_ == pytest.approx(-fitted.components_)
    with pytest.raises(FinderError) as caught:
        PairDifference().fit(Material([*codes, codes[0]], [1, 1], labels=[0, 1, 1]))
    assert caught.value.code == "finder:pair"


@pytest.mark.parametrize("ending", ["safetensors", "npz"])
class TestFiles:
    def test_round_trip(self, tiny, made, tmp_path, ending):
        _, images = made(2)
        direction = find_direction(tiny, images[:1], images[1:], steps=0)
        path = tmp_path / f"d.{ending}"
        direction.save(path)
        for loaded in (Direction.load(path), load_direction(path)):
            assert isinstance(loaded, Direction)
            for name in ("vector", "before_codes", "after_codes", "metric_weights"):
                assert np.array_equal(getattr(loaded, name), getattr(direction, name))
            for name in ("step", "space", "digest", "quality"):
                assert getattr(loaded, name) == getattr(direction, name)

    def test_a_flipped_bit_is_found(self, direction_of, tmp_path, ending):
        path = tmp_path / f"d.{ending}"
        direction = direction_of()
        direction.save(path)
        data = bytearray(path.read_bytes())
        where = data.find(direction.vector.tobytes())
        assert where > 0
        data[where + 1] ^= 1
        path.write_bytes(data)
        with pytest.raises(DirectionError) as caught:
            Direction.load(path)
        assert caught.value.code == "direction:damaged"

    @pytest.mark.parametrize("data", [b"", b"hello", b"PK\x03\x04", b"\x08\0\0\0\0\0\0\0{}      "])
    def test_other_files_are_refused(self, tmp_path, ending, data):
        path = tmp_path / f"d.{ending}"
        path.write_bytes(data)
        with pytest.raises(DirectionError) as caught:
            Direction.load(path)
        assert caught.value.code == "direction:damaged"

    def test_missing_file(self, tmp_path, ending):
        with pytest.raises(DirectionError) as caught:
            Direction.load(tmp_path / f"d.{ending}")
        assert caught.value.code == "direction:read"


def test_a_pickle_inside_an_npz_is_not_run(tmp_path):
    class Bomb:
        def __reduce__(self):
            return exec, ("raise SystemExit('a pickle was run')",)

    np.savez(tmp_path / "d.npz", header=np.array([Bomb()], dtype=object), vector=np.zeros(3, np.float32))
    with pytest.raises(DirectionError) as caught:
        Direction.load(tmp_path / "d.npz")
    assert caught.value.code == "direction:damaged"


def test_a_zip_bomb_is_refused_before_it_unpacks(tmp_path):
    with zipfile.ZipFile(tmp_path / "d.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("vector.npy", bytes(80 * 2**20))
    with pytest.raises(DirectionError, match="unpacks to 80 MiB"):
        Direction.load(tmp_path / "d.npz")


def test_an_npz_that_claims_a_vast_array_is_refused(tmp_path):
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        head, {"descr": "<f4", "fortran_order": False, "shape": (2**30, 2**14)}
    )
    with zipfile.ZipFile(tmp_path / "d.npz", "w") as archive:
        for name in ("header.npy", "vector.npy"):
            archive.writestr(name, head.getvalue())
    with pytest.raises(DirectionError, match="not a whole direction file"):
        Direction.load(tmp_path / "d.npz")


def test_other_endings_are_refused(direction_of, tmp_path):
    for work in (direction_of().save, Direction.load):
        with pytest.raises(DirectionError) as caught:
            work(tmp_path / "d.pt")
        assert caught.value.code == "direction:ending"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"step": float("nan")}, "direction:step"),
        ({"step": -1.0}, "direction:step"),
        ({"space": "S"}, "direction:space"),
        ({"digest": "abc"}, "direction:digest"),
        ({"vector": np.ones((8, 16), np.float32)}, "direction:unit"),
        ({"vector": np.full((8, 16), np.nan, np.float32)}, "shape:vector"),
        ({"before_codes": np.zeros((7, 16), np.float32)}, "shape:codes"),
        ({"metric_weights": np.zeros(8, np.float32)}, "shape:metric"),
    ],
)
def test_a_direction_that_cannot_be_is_refused(direction_of, changes, code):
    with pytest.raises((DirectionError, ShapeError)) as caught:
        direction_of(**changes)
    assert caught.value.code == code


def test_directions_and_averages_need_no_torch():
    """The web process reads and writes directions; it must not load torch for it."""
    program = (
        "import sys, inference; from inference.finders import Direction;"
        "from inference.averaging import average;"
        "from inference.errors import DirectionError; import inference.images; import inference.cli;"
        "inference.CommunityDirection; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
