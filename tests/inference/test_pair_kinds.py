"""Pairs as people make them: each kind is what its name says, and only that."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from inference.errors import OptionError
from inference.evaluation import pair_kinds
from inference.evaluation.judged import JUDGED
from inference.evaluation.pair_kinds import ERASED, KINDS, WORN, Example, changed, make_pair
from inference.portraits import ATTRIBUTE_NAMES, NUISANCE, SCENE_NAMES, random_scenes, render_scene

FIRST = 10_650_000  # people of nobody else's measurements
ALIKE = [SCENE_NAMES.index("skin_tone"), SCENE_NAMES.index("head_turn")]


def difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.abs(a.astype(int) - b.astype(int)).max(2)


def only(example: Example, *names: str) -> bool:
    """Whether the two scenes differ in these numbers and in no other."""
    moved = np.flatnonzero(example.scene_before != example.scene_after)
    return {SCENE_NAMES[k] for k in moved} <= set(names)


@dataclass(frozen=True)
class Piece:
    """One cut-out: its outline, the thing cut around, where that belongs, and how it came to lie."""

    outline: np.ndarray
    cut: np.ndarray
    place: np.ndarray
    moved: np.ndarray
    cover: np.ndarray

    def whole(self) -> bool:
        """Whether no part of it is lost beyond the picture's edge."""
        return not any(
            side.any() for mask in (self.outline, self.cover) for side in (*mask[[0, -1]], *mask.T[[0, -1]])
        )

    def enlargement(self) -> float:
        """How many times too large it lies."""
        grown = np.sqrt(self.cover.sum() / self.outline.sum())
        return float(grown / np.sqrt(np.prod(extent(self.place)) / np.prod(extent(self.cut))))

    def shift(self) -> np.ndarray:
        """How far (y, x) from its place it lies, in pixels."""
        grown = np.sqrt(self.cover.sum() / self.outline.sum())
        off_centre = np.array(ndimage.center_of_mass(self.outline)) - middle(self.cut)
        return np.array(ndimage.center_of_mass(self.cover)) - middle(self.place) - grown * off_centre

    def inside(self) -> np.ndarray:
        """The piece without two pixels of its rim."""
        return ndimage.binary_erosion(self.cover > 0.5, iterations=2)


@dataclass
class PasteUp:
    """A crude pair and what went into it."""

    attribute: str
    pair: Example = field(init=False)
    donor: np.ndarray = field(init=False)
    people: np.ndarray = field(init=False)  # among whom the donor was looked for
    pasted: np.ndarray = field(init=False)  # before JPEG
    pieces: list[Piece] = field(default_factory=list)


def extent(mask: np.ndarray) -> np.ndarray:
    return np.ptp(np.argwhere(mask), axis=0) + 1


def middle(mask: np.ndarray) -> np.ndarray:
    found = np.argwhere(mask)
    return (found.min(0) + found.max(0)) / 2


def jpeg(picture: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


@pytest.fixture(scope="module")
def paste_ups() -> list[PasteUp]:
    """Crude pairs of every attribute, watched while they are made."""
    made: list[PasteUp] = []

    def watch(name: str, note: Callable[..., None]) -> None:
        true = getattr(pair_kinds, name)

        def watched(*given: object) -> object:
            result = true(*given)
            note(made[-1], result, *given)
            return result

        patch.setattr(pair_kinds, name, watched)

    with pytest.MonkeyPatch.context() as patch:
        watch("random_scenes", lambda one, people, *_: setattr(one, "people", people))
        watch("_donor", lambda one, donor, *_: setattr(one, "donor", donor))
        watch("_laid", lambda one, laid, _source, *masks: one.pieces.append(Piece(*masks[:3], *laid)))
        watch("_jpeg", lambda one, _result, pasted, *_: setattr(one, "pasted", pasted))
        for attribute in KINDS["crude"]:
            for seed in range(FIRST, FIRST + 5):
                made.append(PasteUp(attribute))
                made[-1].pair = make_pair("crude", attribute, seed)
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_goes_from_low_to_high_and_is_the_same_each_time(kind: str) -> None:
    for attribute in KINDS[kind]:
        one, again = make_pair(kind, attribute, FIRST), make_pair(kind, attribute, FIRST)
        assert np.array_equal(one.before, again.before)
        assert np.array_equal(one.after, again.after)
        assert np.array_equal(one.region, again.region)
        k = ATTRIBUTE_NAMES.index(attribute)
        assert (one.scene_before[k], one.scene_after[k]) == (0.0, 1.0)
        assert one.before.shape == one.after.shape == (128, 128, 3)
        assert one.before.dtype == one.after.dtype == np.uint8
        assert one.region.any()
        assert not np.array_equal(one.after, make_pair(kind, attribute, FIRST + 1).after)


@pytest.mark.parametrize("attribute", JUDGED)
def test_a_clean_pair_is_two_drawings_that_differ_in_one_number(attribute: str) -> None:
    pair = make_pair("clean", attribute, FIRST)
    assert only(pair, attribute)
    assert np.array_equal(pair.before, render_scene(pair.scene_before))
    assert np.array_equal(pair.after, render_scene(pair.scene_after))
    assert np.array_equal(pair.region, changed(pair.before, pair.after))


@pytest.mark.parametrize("attribute", KINDS["crude"])
def test_a_paste_up_changes_its_place_and_elsewhere_only_what_jpeg_does(attribute: str) -> None:
    overlaps = []
    for seed in range(FIRST, FIRST + 4):
        pair = make_pair("crude", attribute, seed)
        assert np.array_equal(pair.before, render_scene(pair.scene_before))
        drawn = render_scene(pair.scene_after)
        moved = difference(pair.before, pair.after)
        # JPEG rings within its blocks of 16 px, so "elsewhere" begins beyond them
        blocks = pair.region.reshape(8, 16, 8, 16).any((1, 3)).repeat(16, 0).repeat(16, 1)
        assert moved[~blocks].mean() < 8
        assert moved[pair.region].mean() > 2 * moved[~blocks].mean()
        assert difference(drawn, pair.after)[pair.region].mean() > 15  # crude: not what would be drawn
        true = changed(pair.before, drawn)
        overlaps.append((pair.region & true).sum() / pair.region.sum())
    assert np.mean(overlaps) > 0.3  # laid where it belongs; a mouth comes with skin around it


def test_paste_ups_come_from_someone_else() -> None:
    frames = [make_pair("crude", "glasses", seed) for seed in range(FIRST, FIRST + 6)]
    own = [make_pair("clean", "glasses", seed) for seed in range(FIRST, FIRST + 6)]
    colours = [
        pair.after[pair.region].mean(0) - clean.after[pair.region].mean(0)
        for pair, clean in zip(frames, own, strict=True)
    ]
    assert np.abs(colours).max() > 20  # another frame's colour


def test_a_donor_is_one_of_the_five_nearest_in_skin_and_turn(paste_ups: list[PasteUp]) -> None:
    """A stranger's skin would make every paste-up cruder, and the averages over it with it."""
    anybody = random_scenes(np.random.default_rng(0), 2000)
    ranks, nearer = [], []
    for one in paste_ups:
        own = one.pair.scene_after[ALIKE]
        bare = [SCENE_NAMES.index(name) for name in WORN if name != one.attribute]
        assert not one.donor[bare].any()
        assert one.donor[SCENE_NAMES.index(one.attribute)] == 1.0
        eligible = one.people[(one.people[:, bare] == 0).all(1)]
        distance = np.linalg.norm(one.donor[ALIKE] - own)
        ranks.append((np.linalg.norm(eligible[:, ALIKE] - own, axis=1) < distance).sum())
        nearer.append((np.linalg.norm(anybody[:, ALIKE] - own, axis=1) < distance).mean())
    assert set(ranks) == {0, 1, 2, 3, 4}  # any of them, not always the best
    assert np.mean(nearer) < 0.05  # among enough people to find a like one; half of them if taken at random


def test_a_paste_up_lies_up_to_three_pixels_off(paste_ups: list[PasteUp]) -> None:
    off = np.array([piece.shift() for one in paste_ups for piece in one.pieces if piece.whole()])
    assert len(off) > 30
    for axis in (0, 1):
        assert -3.2 < off[:, axis].min() < -2.2
        assert 2.2 < off[:, axis].max() < 3.2
    assert 1.0 < np.abs(off).mean() < 2.0  # uniform: neither a fixed step nor mostly right


def test_a_paste_up_is_up_to_eight_percent_too_large_or_small(paste_ups: list[PasteUp]) -> None:
    sizes = np.array([piece.enlargement() for one in paste_ups for piece in one.pieces if piece.whole()])
    assert 0.91 < sizes.min() < 0.94
    assert 1.055 < sizes.max() < 1.09
    assert 0.03 < sizes.std() < 0.06


def test_a_paste_up_keeps_its_seam(paste_ups: list[PasteUp]) -> None:
    """Inside the cut all is the donor's in another camera's light, outside nothing is: no feathering."""
    lights = []
    for one in paste_ups:
        pair, pasted = one.pair, one.pasted.astype(float)
        assert np.array_equal(pair.region, np.any([piece.cover > 0.5 for piece in one.pieces], axis=0))
        outside = ~ndimage.binary_dilation(pair.region, iterations=2)
        assert np.array_equal(one.pasted[outside], pair.before[outside])
        donor = np.concatenate([piece.moved[piece.inside()] for piece in one.pieces])
        shown = np.concatenate([pasted[piece.inside()] for piece in one.pieces])
        plain = (donor > 40) & (donor < 225)
        light = np.median(shown[plain] / donor[plain])
        assert np.abs(shown - (donor * light).clip(0, 255)).max() < 1.5
        lights.append(light)
        moved = difference(pair.before, pair.after)
        within = pair.region & ~ndimage.binary_erosion(pair.region, iterations=2)
        beside = ndimage.binary_dilation(pair.region, iterations=3)
        beside &= ~ndimage.binary_dilation(pair.region)
        assert moved[within].mean() > 2 * moved[beside].mean()  # to be seen, JPEG or no
    assert 0.915 < min(lights) < 0.94
    assert 1.06 < max(lights) < 1.085


def test_a_paste_up_is_saved_as_jpeg_of_quality_70_to_90(paste_ups: list[PasteUp]) -> None:
    qualities = []
    for one in paste_ups:
        like = [q for q in range(70, 91) if np.array_equal(jpeg(one.pasted, q), one.pair.after)]
        assert like, "the picture is no JPEG of the paste-up, or of another quality"
        qualities.append(like[0])
    assert min(qualities) <= 72
    assert max(qualities) >= 88
    assert 75 < np.mean(qualities) < 85


@pytest.mark.parametrize("attribute", KINDS["painted"])
def test_a_painted_pair_is_flat_paint_or_a_smear_and_otherwise_untouched(attribute: str) -> None:
    ways = set()
    for seed in range(FIRST, FIRST + 8):
        pair = make_pair("painted", attribute, seed)
        assert only(pair, attribute)
        moved = difference(pair.before, pair.after) > 0
        assert not moved[~pair.region].any()
        if np.array_equal(pair.before, render_scene(pair.scene_before)):
            ways.add("added")
            assert len(np.unique(pair.after[pair.region], axis=0)) <= 3
        else:
            ways.add("erased")
            assert np.array_equal(pair.after, render_scene(pair.scene_after))
            # smeared: less detail than what was there
            detail = [
                np.abs(np.diff(p.astype(int), axis=0))[pair.region[1:]].mean()
                for p in (pair.before, pair.after)
            ]
            assert detail[0] < detail[1]
    assert ways == ({"added", "erased"} if attribute in ERASED else {"added"})


def test_strokes_lie_on_the_thing_in_about_its_colour() -> None:
    shades = []
    for attribute in KINDS["painted"]:
        for seed in range(FIRST, FIRST + 4):
            pair = make_pair("painted", attribute, seed)
            bare, meant = render_scene(pair.scene_before), render_scene(pair.scene_after)
            if not np.array_equal(pair.before, bare):
                continue
            near = ndimage.binary_dilation(changed(bare, meant), iterations=3)
            assert near[pair.region].mean() > 0.9
            if attribute in ("beard", "hair_colour"):  # large, and one colour all over
                thing = pair.region & changed(bare, meant, 24)
                (paint,) = np.unique(pair.after[pair.region], axis=0)
                shades.append(np.mean(paint / np.median(meant[thing], 0)))
    assert len(shades) > 4
    assert 0.85 < min(shades) < 0.97 < 1.03 < max(shades) < 1.15  # no painter meets the colour


@pytest.mark.parametrize("attribute", ERASED)
def test_what_was_erased_was_smeared_over_with_what_lies_beside_it(attribute: str) -> None:
    """Nobody who erases knows what the thing hid, or takes one colour for it all."""
    from_beside: list[list[float]] = []
    for seed in range(FIRST, FIRST + 8):
        pair = make_pair("painted", attribute, seed)
        hidden = render_scene(pair.scene_before)
        if np.array_equal(pair.before, hidden):
            continue
        beside = ndimage.distance_transform_edt(pair.region, return_distances=False, return_indices=True)
        neighbour = pair.after[tuple(beside)]
        from_beside.append(
            [difference(shown, neighbour)[pair.region].mean() for shown in (pair.before, hidden, pair.after)]
        )
        assert len(np.unique(pair.before[pair.region], axis=0)) > pair.region.sum() / 10
        rim = pair.region & ~ndimage.binary_erosion(pair.region)
        assert difference(pair.before, neighbour)[rim].mean() < 20  # runs into its surroundings
    smeared, hidden_there, thing = np.mean(from_beside, axis=0)
    assert smeared > 0.5  # softened, not copied pixel by pixel
    assert smeared < 0.8 * hidden_there
    assert smeared < 0.6 * thing


def test_the_other_day_has_other_light_and_nuisance_and_a_turn_of_up_to_a_fifth(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    blank = np.zeros((128, 128, 3), np.uint8)
    monkeypatch.setattr(pair_kinds, "render_scene", lambda scene, size: blank)  # only scenes are compared
    pairs = [make_pair("two_photos", "glasses", seed) for seed in range(FIRST, FIRST + 200)]
    one = np.stack([pair.scene_before for pair in pairs])
    other = np.stack([pair.scene_after for pair in pairs])
    renewed = [SCENE_NAMES.index(name) for name in ("light", *NUISANCE)]
    assert (one[:, renewed] != other[:, renewed]).all()
    for k in renewed:  # drawn anew as this world draws it, not a variation of what was there
        assert abs(np.corrcoef(one[:, k], other[:, k])[0, 1]) < 0.25
        assert other[:, k].mean() == pytest.approx(0.5, abs=0.08)
        assert other[:, k].std() == pytest.approx(12**-0.5, abs=0.04)
    turn = SCENE_NAMES.index("head_turn")
    free = (one[:, turn] > 0.2) & (one[:, turn] < 0.8)  # the others may meet the end of the range
    turned = (other - one)[free, turn]
    assert -0.201 < turned.min() < -0.18
    assert 0.18 < turned.max() < 0.201
    assert abs(turned.mean()) < 0.03


@pytest.mark.parametrize("attribute", [*JUDGED, "light"])
def test_two_photos_show_one_person_on_two_days(attribute: str) -> None:
    turns = []
    for seed in range(FIRST, FIRST + 5):
        pair = make_pair("two_photos", attribute, seed)
        assert only(pair, attribute, "light", "head_turn", *NUISANCE)
        assert not np.array_equal(pair.scene_before[-len(NUISANCE) :], pair.scene_after[-len(NUISANCE) :])
        turn = SCENE_NAMES.index("head_turn")
        turns.append(abs(pair.scene_after[turn] - pair.scene_before[turn]))
    if attribute == "head_turn":
        assert turns == [1.0] * 5
    else:
        assert 0.02 < max(turns) <= 0.2001


def test_what_cannot_be_made_is_refused() -> None:
    with pytest.raises(OptionError, match="one of clean, crude, painted, two_photos") as kind:
        make_pair("sketched", "glasses", FIRST)
    assert kind.value.code == "option:pair-kind"
    with pytest.raises(OptionError, match="glasses, hat, beard") as attribute:
        make_pair("crude", "skin_tone", FIRST)
    assert attribute.value.code == "option:pair-attribute"


def test_making_pairs_needs_no_torch() -> None:
    code = "import sys; import inference.evaluation.pair_kinds; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
