"""Pairs as people make them, of people whose every number is known.

Four kinds, each made from the same person for the same seed, always from the attribute's low end to its high:

- *clean*: both drawn, nothing else differs. The best that anybody could hand in.
- *crude*: cut out of another picture and pasted on, a little off in place, size and light, with a seam.
- *painted*: flat brush strokes for what is added; or, the other way round, a picture that has the attribute
  and a "before" in which it was erased by smearing its surroundings over it.
- *two_photos*: the person on two occasions: other light, turn, wall shade, parting, frame and fabric.

A pair says what its maker *meant* (`scene_after`); only clean pairs show exactly that. This module draws and
cuts pictures; it measures nothing, knows no generator and loads no torch.
"""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from inference.errors import OptionError
from inference.portraits import (
    ATTRIBUTE_NAMES,
    ATTRIBUTES,
    NUISANCE,
    SCENE_NAMES,
    random_scenes,
    render_scene,
    scene,
)

Scene = npt.NDArray[np.float32]  # [38]
Picture = npt.NDArray[np.uint8]  # [128, 128, 3]
Mask = npt.NDArray[np.bool_]  # [128, 128]
Floats = npt.NDArray[np.float64]

SIZE = 128
MOUTHS = ("smile", "mouth_open", "lipstick")  # what is changed by another mouth
WORN = ("glasses", "hat", "beard", "moustache")  # what may lie over something that is to be cut out
ERASED = ("glasses", "hat", "beard", "moustache", "earrings", "age_lines", "freckles")

# Which attributes a kind can be made of. Nobody pastes an age or paints a turn of the head.
KINDS: dict[str, tuple[str, ...]] = {
    "clean": ATTRIBUTE_NAMES,
    "crude": ("glasses", "hat", "beard", "moustache", "earrings", *MOUTHS),
    "painted": (*ERASED, *MOUTHS, "hair_length", "hair_colour"),
    "two_photos": ATTRIBUTE_NAMES,
}

_SEEN = 6  # of 255: a pixel that moves by more belongs to the change, as in `region_mask`
_PLAIN = 24  # a pixel that moves by more is seen as the thing itself, not as its shadow or gleam
_FINE = ("glasses", "age_lines", "freckles", "lipstick", "smile", "mouth_open")  # painted with a fine brush
_THIN: Mask = np.ones((1, 1), bool)
_ROUND: Mask = ndimage.generate_binary_structure(2, 1)
_CUFF = 9  # pixels of a hat's cuff
_CANDIDATES = 400  # people among whom a donor is looked for
_DONORS = 5  # the nearest of them, of whom one is taken
_OFF_PIXELS, _OFF_SIZE = 3.0, 0.08  # how far from right a paste-up lies


@dataclass(frozen=True)
class Example:
    """A pair of pictures and the truth about it.

    `before`, `after` uint8 [128, 128, 3]; `scene_before`, `scene_after` float32 [38], what is meant by them;
    `region` bool [128, 128], where the attribute was changed: drawn, pasted, painted or erased.
    """

    before: Picture
    after: Picture
    scene_before: Scene
    scene_after: Scene
    region: Mask


def make_pair(kind: str, attribute: str, seed: int) -> Example:
    """The pair of a kind of the person `seed`, who lacks the attribute before and has all of it after.

    Deterministic in its three arguments. Take seeds of people that nothing was trained on.
    Raises OptionError for a kind that does not exist or that cannot be made of this attribute.

    >>> make_pair("crude", "glasses", 10_500_000).after.shape
    (128, 128, 3)
    """
    if kind not in KINDS:
        raise OptionError(f"the kind of pair {kind!r}", f"one of {', '.join(KINDS)}", code="option:pair-kind")
    if attribute not in KINDS[kind]:
        raise OptionError(
            f"a {kind} pair of {attribute!r}",
            f"one of {', '.join(KINDS[kind])}",
            "make a clean pair of it, or choose another attribute",
            code="option:pair-attribute",
        )
    rng = np.random.default_rng([seed, zlib.crc32(kind.encode()), zlib.crc32(attribute.encode())])
    chosen = ATTRIBUTES[ATTRIBUTE_NAMES.index(attribute)]
    before = scene({attribute: chosen.low}, seed)
    after = scene({attribute: chosen.high}, seed)
    if kind == "crude":
        return _crude(attribute, before, after, rng)
    if kind == "painted":
        # Half of them were made from a picture that has the attribute.
        if attribute in ERASED and rng.random() < 0.5:
            return _erased(before, after, rng)
        return _painted(attribute, before, after, rng)
    region = changed(render_scene(before, SIZE), render_scene(after, SIZE))
    if kind == "two_photos":
        after = _another_day(attribute, after, rng)
    return Example(render_scene(before, SIZE), render_scene(after, SIZE), before, after, region)


def changed(a: Picture, b: Picture, level: int = _SEEN) -> Mask:
    """Where two pictures differ by more than `level` of 255 in a channel. [128, 128]"""
    mask: Mask = _moved(a, b) > level
    return mask


def _moved(a: Picture, b: Picture) -> npt.NDArray[np.int16]:
    """How far two pictures differ in the channel that differs most, 0..255. [128, 128]"""
    moved: npt.NDArray[np.int16] = np.abs(a.astype(np.int16) - b.astype(np.int16)).max(2)
    return moved


def _thing(present: Picture, absent: Picture, level: int = _PLAIN) -> Mask:
    """What is plainly there in one picture and not in the other; of something faint, its plainest half."""
    moved = _moved(present, absent)
    mask: Mask = moved > min(level, int(moved.max()) // 2)
    return mask


# --- two photos ---------------------------------------------------------------------------------------------


def _another_day(attribute: str, person: Scene, rng: np.random.Generator) -> Scene:
    """The same attributes in other circumstances: light and nuisance anew, the head turned by up to 0.2."""
    fresh = random_scenes(rng, 1)[0]
    other = person.copy()
    for name in ("light", *NUISANCE):
        if name != attribute:
            other[SCENE_NAMES.index(name)] = fresh[SCENE_NAMES.index(name)]
    if attribute != "head_turn":
        turn = SCENE_NAMES.index("head_turn")
        other[turn] = np.clip(other[turn] + rng.uniform(-0.2, 0.2), 0.0, 1.0)
    return other


# --- cut and pasted -----------------------------------------------------------------------------------------


def _crude(attribute: str, before: Scene, after: Scene, rng: np.random.Generator) -> Example:
    """Pieces of a donor's picture, laid where they belong, but for a hand's error."""
    picture, meant = render_scene(before, SIZE), render_scene(after, SIZE)
    donor = _donor(attribute, after, rng)
    without = donor.copy()
    without[SCENE_NAMES.index(attribute)] = before[SCENE_NAMES.index(attribute)]
    source = render_scene(donor, SIZE)
    gain = rng.uniform(0.92, 1.08)  # another camera
    canvas: Floats = picture.astype(np.float64)
    region: Mask = np.zeros((SIZE, SIZE), bool)
    cuts = _pieces(attribute, donor, source, render_scene(without, SIZE))
    places = _pieces(attribute, after, meant, picture)
    rim = attribute == "glasses" and rng.random() < 0.5  # the lenses cut out, or left with the donor's eyes
    margin = 3 if attribute in MOUTHS else 1  # enough skin to cover the old mouth
    for cut, place in zip(cuts, places, strict=True):
        shape = cut if rim or attribute == "beard" else ndimage.binary_fill_holes(cut)
        shape = _by_hand(shape, margin + int(rng.integers(0, 2)), rng)
        moved, cover = _laid(source, shape, cut, place, rng)
        canvas = canvas * (1 - cover[..., None]) + (moved * gain).clip(0, 255) * cover[..., None]
        region |= cover > 0.5
    pasted = np.asarray(canvas.round().clip(0, 255), np.uint8)
    return Example(picture, _jpeg(pasted, int(rng.integers(70, 91))), before, after, region)


def _donor(attribute: str, person: Scene, rng: np.random.Generator) -> Scene:
    """One of the five people nearest in skin and turn who have the attribute and nothing lying over it."""
    people = random_scenes(rng, _CANDIDATES)
    bare = [SCENE_NAMES.index(name) for name in WORN if name != attribute]
    people = people[(people[:, bare] == 0).all(1)]
    keys = [SCENE_NAMES.index("skin_tone"), SCENE_NAMES.index("head_turn")]
    nearest = np.argsort(np.square(people[:, keys] - person[keys]).sum(1))[:_DONORS]
    donor: Scene = people[rng.choice(nearest)].copy()
    donor[SCENE_NAMES.index(attribute)] = person[SCENE_NAMES.index(attribute)]
    return donor


def _pieces(attribute: str, person: Scene, present: Picture, absent: Picture) -> list[Mask]:
    """What one would cut out of a person's picture: the thing itself, each earring alone, or the mouth."""
    if attribute in MOUTHS:
        return [ndimage.binary_fill_holes(ndimage.binary_closing(_lips(person, present), iterations=2))]
    if attribute != "earrings":
        return [_largest(_thing(present, absent))]
    whole = _thing(present, absent, _PLAIN // 2)  # gold on sand
    left = np.arange(SIZE)[None, :] < SIZE // 2
    return [_largest(whole & left), _largest(whole & ~left)]


def _lips(person: Scene, picture: Picture) -> Mask:
    """Where a person's lips are: what lipstick would change."""
    other = person.copy()
    lipstick = SCENE_NAMES.index("lipstick")
    other[lipstick] = 1.0 - round(float(person[lipstick]))
    lips: Mask = ndimage.binary_closing(_thing(picture, render_scene(other, SIZE), _PLAIN // 2))
    return lips


def _largest(mask: Mask) -> Mask:
    """The mask without crumbs: its largest part, parts within 2 px taken as one."""
    labels, count = ndimage.label(ndimage.binary_dilation(mask, iterations=2))
    if count == 0:
        return mask
    sizes = np.bincount(labels.ravel())[1:]
    largest: Mask = mask & (labels == 1 + int(sizes.argmax()))
    return largest


def _by_hand(shape: Mask, margin: int, rng: np.random.Generator) -> Mask:
    """Scissors: `margin` pixels outside the shape, an unsteady line."""
    closed = ndimage.binary_closing(np.pad(shape, 4), iterations=3)[4:-4, 4:-4]
    grown = ndimage.binary_dilation(closed, iterations=margin)
    soft = ndimage.gaussian_filter(grown.astype(np.float64), 1.2)
    wobble = ndimage.gaussian_filter(rng.standard_normal(shape.shape), 3.0)
    cut: Mask = (soft + 0.12 * wobble / wobble.std() > 0.45) & (soft > 0.05)
    return cut


def _laid(
    source: Picture, shape: Mask, cut: Mask, place: Mask, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """The donor's picture [128, 128, 3] and the shape's coverage [128, 128], moved to the place.

    The cut's bounding box comes to lie over the place's, up to 3 px and 8 % off.
    """
    (y0, x0), (height0, width0) = _frame(cut)
    (y1, x1), (height1, width1) = _frame(place)
    fit = float(np.clip(np.sqrt(height1 * width1 / (height0 * width0)), 0.6, 1.6))
    size = fit * (1 + rng.uniform(-_OFF_SIZE, _OFF_SIZE))
    dy, dx = rng.uniform(-_OFF_PIXELS, _OFF_PIXELS, 2)
    offset = np.array([y0 - (y1 + dy) / size, x0 - (x1 + dx) / size])
    scale = np.array([1 / size, 1 / size])
    moved = np.stack(
        [
            ndimage.affine_transform(
                source[..., c].astype(np.float64), scale, offset, order=1, mode="nearest"
            )
            for c in range(3)
        ],
        2,
    )
    cover = ndimage.affine_transform(shape.astype(np.float64), scale, offset, order=1)
    return moved, ((cover - 0.5) * 2 + 0.5).clip(0, 1)


def _frame(mask: Mask) -> tuple[tuple[float, float], tuple[float, float]]:
    """Centre (y, x) and extent (height, width) of a mask's bounding box, in pixels."""
    ys, xs = np.nonzero(mask)
    top, bottom, left, right = int(ys.min()), int(ys.max()), int(xs.min()), int(xs.max())
    return ((top + bottom) / 2, (left + right) / 2), (bottom - top + 1, right - left + 1)


def _jpeg(picture: Picture, quality: int) -> Picture:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file), np.uint8)


# --- painted and erased -------------------------------------------------------------------------------------


def _painted(attribute: str, before: Scene, after: Scene, rng: np.random.Generator) -> Example:
    """The after is the before with the thing painted over it, one flat colour after the other."""
    picture, meant = render_scene(before, SIZE), render_scene(after, SIZE)
    if attribute in MOUTHS:
        layers = _mouth_layers(attribute, before, after, meant)
    elif attribute == "hat":
        layers = _hat_layers(picture, meant)
    else:
        if attribute == "glasses":
            shape = ndimage.binary_closing(_outstanding(picture, meant))
        elif attribute == "earrings":
            left, right = _pieces(attribute, after, meant, picture)
            shape = ndimage.binary_fill_holes(ndimage.binary_closing(left | right))
        else:
            rounds = 1 if attribute in _FINE else 2
            shape = ndimage.binary_closing(_thing(meant, picture), iterations=rounds)
        layers = [(shape, np.median(meant[shape], 0))]
    shade = rng.uniform(0.9, 1.1)  # no painter meets the colour
    painted = picture.copy()
    touched: Mask = np.zeros((SIZE, SIZE), bool)
    for layer, colour in layers:
        stroke = _stroke(layer, _THIN if attribute in _FINE else _ROUND, rng)
        painted[stroke] = (colour * shade).round().clip(0, 255).astype(np.uint8)
        touched |= stroke
    return Example(picture, painted, before, after, touched)


def _mouth_layers(attribute: str, before: Scene, after: Scene, meant: Picture) -> list[tuple[Mask, Floats]]:
    """Skin over the old mouth, then the new one's lips, then what shows between: teeth, or the dark."""
    old, new = _lips(before, render_scene(before, SIZE)), _lips(after, meant)
    whole = ndimage.binary_fill_holes(new)
    inside = ndimage.binary_opening(whole & ~new)
    layers = [(whole, np.median(meant[new], 0))]
    if inside.any():
        layers.append((inside, np.percentile(meant[inside], 10 if attribute == "mouth_open" else 85, axis=0)))
    skin = ndimage.binary_dilation(ndimage.binary_fill_holes(old)) & ~whole
    if attribute != "lipstick" and skin.any():
        layers.insert(0, (skin, np.median(meant[skin], 0)))
    return layers


def _hat_layers(picture: Picture, meant: Picture) -> list[tuple[Mask, Floats]]:
    """The crown's colour all over, then a band of the cuff's along the lower edge."""
    whole = ndimage.binary_fill_holes(ndimage.binary_closing(_thing(meant, picture), iterations=2))
    cuff = whole.copy()
    cuff[:-_CUFF] &= ~whole[_CUFF:]
    return [(whole, np.median(meant[whole & ~cuff], 0)), (cuff, np.median(meant[cuff], 0))]


def _outstanding(a: Picture, b: Picture) -> Mask:
    """Where two pictures differ nearly half as much as where they differ most: no shadow, no gleam."""
    moved = _moved(a, b)
    strong: Mask = moved > 0.4 * float(np.percentile(moved[_thing(a, b)], 95))
    return strong


def _stroke(shape: Mask, brush: Mask, rng: np.random.Generator) -> Mask:
    """A shape gone over by an unsteady hand: dabs of a brush at its pixels, each off by up to a pixel."""
    ys, xs = np.nonzero(shape)
    drift = rng.uniform(-1, 1, 2)
    wobble = rng.normal(0, 0.4, (2, len(ys))) + drift[:, None]
    dabbed = np.zeros_like(shape)
    y, x = (np.stack([ys, xs]) + wobble).round().astype(int).clip(0, SIZE - 1)
    dabbed[y, x] = True
    soft = ndimage.gaussian_filter(ndimage.binary_dilation(dabbed, brush).astype(np.float64), 0.7)
    stroke: Mask = soft > 0.3
    return stroke


def _erased(before: Scene, after: Scene, rng: np.random.Generator) -> Example:
    """The before is the after with the thing smeared over with what lies next to it."""
    bare, picture = render_scene(before, SIZE), render_scene(after, SIZE)
    region: Mask = ndimage.binary_dilation(_thing(picture, bare), iterations=int(rng.integers(1, 3)))
    nearest = ndimage.distance_transform_edt(region, return_distances=False, return_indices=True)
    smeared = picture[tuple(nearest)].astype(np.float64)
    drag = rng.uniform(0.8, 1.6)
    soft = np.stack([ndimage.gaussian_filter(smeared[..., c], (drag, drag / 2)) for c in range(3)], 2)
    erased = np.where(region[..., None], soft, picture)
    return Example(np.asarray(erased.round().clip(0, 255), np.uint8), picture, before, after, region)
