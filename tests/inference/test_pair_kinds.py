"""Pairs as people make them: each kind is what its name says, and only that."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from inference.errors import OptionError
from inference.evaluation.judged import JUDGED
from inference.evaluation.pair_kinds import ERASED, KINDS, Example, changed, make_pair
from inference.portraits import ATTRIBUTE_NAMES, NUISANCE, SCENE_NAMES, render_scene

FIRST = 10_650_000  # people of nobody else's measurements


def difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.abs(a.astype(int) - b.astype(int)).max(2)


def only(example: Example, *names: str) -> bool:
    """Whether the two scenes differ in these numbers and in no other."""
    moved = np.flatnonzero(example.scene_before != example.scene_after)
    return {SCENE_NAMES[k] for k in moved} <= set(names)


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
