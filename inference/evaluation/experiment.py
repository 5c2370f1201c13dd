"""One bundle's pairs, faces and baselines for the drawn truth, computed once each.

Every direction is applied to faces that had no part in it. Pairs come from people of their own
(`FIRST_PAIR`), settings were chosen on others. What is asked of all this is in the modules beside this one;
evidence.py asks everything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from inference.averaging import DEFAULT_METHOD, CommunityDirection, average
from inference.averaging.community import shown_share
from inference.bundle import Bundle
from inference.editing import Movable
from inference.errors import OptionError
from inference.evaluation.baselines import Baselines, read_samples
from inference.evaluation.faces import Faces, as_tensors, filled, held_out_faces
from inference.evaluation.figures import Readings
from inference.evaluation.judge import Judge
from inference.evaluation.judged import JUDGED
from inference.evaluation.kept import Kept
from inference.evaluation.measure import measure
from inference.evaluation.pair_kinds import Example, make_pair
from inference.finders.direction import Direction
from inference.finders.pair import direction_from_codes
from inference.inversion import DEFAULT_STEPS, Inversion, invert
from inference.joint_inversion import invert_pair
from inference.portraits.training.data import HELD_OUT_SEED

FIRST_PAIR = HELD_OUT_SEED + 500_000
KEPT_VERSION = 3  # to be raised when what is kept of an experiment means something else
AT_ONCE = 10  # pairs inverted together, and kept together
# How both pictures of a pair are inverted: name -> (what is done, the direction's space). "apart" and "joint"
# take the options' steps, "long" a hundred, as the paper does.
INVERSIONS = {
    "apart": ("apart", "W+"),
    "apart, W": ("apart", "W"),
    "encoder only": ("encoder", "W+"),
    "100 steps": ("long", "W+"),
    "joint": ("joint", "W"),
    "joint, W+": ("joint", "W+"),
}

Report = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """How much is measured; the defaults are what docs/evidence/ holds."""

    faces: int = 16
    pairs: int = 30
    compared: int = 10  # of them, of other kinds and inversions: inverting is what takes the time
    draws: int = 5  # directions of one kind and size at most, each applied to every face
    samples: int = 6000  # codes that baselines learn from
    inversion: str = "apart"  # the default: how pairs are inverted where nothing else is said
    inversions: tuple[str, ...] = ("apart, W", "encoder only", "100 steps", "joint", "joint, W+")  # others
    many: int = 100  # pairs by the encoder alone, for the paper's figure 9; 0 for none
    steps: int = DEFAULT_STEPS
    semantics: tuple[str, ...] = JUDGED
    people: int = 1000  # for reconstruction and samples; 0 leaves them out
    optimised: int = 1000  # of them, in a hundred steps
    resamples: int = 400
    seed: int = 0


class Answer(NamedTuple):
    """Directions and how they do."""

    directions: list[Movable]
    readings: Readings


class Experiment:
    """What has been inverted and found so far, so that nothing is computed twice."""

    def __init__(
        self,
        bundle: Bundle,
        judge: Judge,
        options: Options,
        report: Report = print,
        work: Path | None = None,
    ) -> None:
        """With a folder `work`, what an earlier run there inverted and found is not computed again."""
        unknown = sorted(set(options.semantics) - set(JUDGED))
        if unknown or options.pairs < 1 or options.faces < 2:
            raise OptionError(
                f"semantics {unknown or options.semantics}, {options.pairs} pairs, {options.faces} faces",
                f"some of {', '.join(JUDGED)}, at least 1 pair and 2 faces",
                code="option:evaluation",
            )
        named = {options.inversion, *options.inversions}
        if not named <= set(INVERSIONS) or options.inversion in options.inversions:
            raise OptionError(
                f"the inversions {', '.join(sorted(named))} with {options.inversion!r} as the default",
                f"some of {', '.join(INVERSIONS)}, the default not among the others",
                code="option:inversion",
            )
        self.bundle = bundle
        self.judge = judge
        self.options = options
        self.report = report
        about = {
            "code": KEPT_VERSION,
            "bundle": bundle.digest,
            "judge": judge.digest,
            "averaging": DEFAULT_METHOD,
            "device": str(bundle.device),
            "torch": torch.__version__,
            "numpy": np.__version__,
        }
        self.kept = Kept(work, {**about, **asdict(options)})
        self._faces: dict[str, Faces] = {}
        self._pairs: dict[tuple[str, str, str], list[Direction]] = {}
        self._baselines: Baselines | None = None

    def faces(self, attribute: str) -> Faces:
        """The held-out faces of a semantic."""
        if attribute not in self._faces:
            self._faces[attribute] = self.kept(f"faces: {attribute}", lambda: self._held_out(attribute))
        return self._faces[attribute]

    def area(self, attribute: str) -> float:
        """The share of the picture that a change fills, on its held-out faces."""
        return self.kept(f"area: {attribute}", lambda: filled(attribute, self.options.faces))

    def _held_out(self, attribute: str) -> Faces:
        self.report(f"faces: {attribute}")
        options = self.options
        return held_out_faces(self.bundle, self.judge, attribute, options.faces, steps=options.steps)

    def pairs(self, attribute: str, kind: str, count: int, inversion: str | None = None) -> list[Direction]:
        """The directions of the first `count` pairs of a kind; see INVERSIONS for how they are inverted."""
        inversion = inversion or self.options.inversion
        how = inversion if "joint" in inversion else INVERSIONS[inversion][0]
        known = self._pairs.setdefault((attribute, kind, inversion), [])
        while len(known) < count:
            start, some = len(known), min(AT_ONCE, self.options.pairs)
            name = f"{kind} pairs {start} to {start + some}, inverted {how}: {attribute}"
            made = self.kept(name, partial(self._pairs_from, start, some, attribute, kind, inversion))
            for other, directions in made.items():
                row = self._pairs.setdefault((attribute, kind, other), [])
                if len(row) == start:
                    row += directions
        return known[:count]

    def examples(self, attribute: str, kind: str, start: int, count: int) -> list[Example]:
        """The drawn pictures that `pairs` inverts."""
        first = FIRST_PAIR + 1000 * JUDGED.index(attribute) + start
        return [make_pair(kind, attribute, seed) for seed in range(first, first + count)]

    def _pairs_from(
        self, start: int, count: int, attribute: str, kind: str, inversion: str
    ) -> dict[str, list[Direction]]:
        """Their directions, also in the spaces of other inversions that find the same codes."""
        self.report(f"{kind} pairs from {start}, inverted {inversion}: {attribute}")
        examples = self.examples(attribute, kind, start, count)
        before, after, _ = as_tensors(examples)
        starts, ends = self.inverted(before, after, inversion)
        pictures = list(zip(torch.split(before, 1), torch.split(after, 1), strict=True))
        how, _ = INVERSIONS[inversion]
        return {
            name: [
                direction_from_codes(self.bundle, starts[i], ends[i], *pictures[i], space=space)
                for i in range(count)
            ]
            for name, (also, space) in INVERSIONS.items()
            if name == inversion or also == how != "joint"
        }

    def inverted(
        self, before: torch.Tensor, after: torch.Tensor, inversion: str
    ) -> tuple[Inversion, Inversion]:
        """Both pictures [B, 3, H, W] of pairs inverted in one of INVERSIONS."""
        how, space = INVERSIONS[inversion]
        if how == "joint":
            found = invert_pair(self.bundle, before, after, self.options.steps, space=space)
            return found.before, found.after
        steps = {"encoder": 0, "long": 100}.get(how, self.options.steps)
        both = invert(self.bundle, torch.cat([before, after]), steps)
        return both[: len(before)], both[len(before) :]

    @property
    def baselines(self) -> Baselines:
        """The published ways, with their samples of this generator."""
        if self._baselines is None:
            bundle, judge, options = self.bundle, self.judge, self.options
            count, seed = options.samples, options.seed
            samples = self.kept("baselines' samples", lambda: read_samples(bundle, judge, count, seed))
            self._baselines = Baselines(bundle, judge, *samples, seed=seed)
        return self._baselines

    def averages(
        self, attribute: str, kind: str, size: int, inversion: str | None = None, method: str = DEFAULT_METHOD
    ) -> list[CommunityDirection]:
        """Averages of disjoint groups of `size` pairs, as many as the pool gives, `options.draws` at most.

        The pool is all clean and crude pairs in the default inversion, else `options.compared` of them.
        `method` is a registered averager, or "raw": the mean difference, whatever a pair's strength.
        """
        options = self.options
        whole = kind in ("clean", "crude") and inversion in (None, options.inversion)
        among = options.pairs if whole else min(options.pairs, options.compared)
        groups = max(1, min(options.draws, among // size))
        pool = self.pairs(attribute, kind, max(size, groups * size), inversion)
        members = [pool[i * size : (i + 1) * size] for i in range(groups)]
        return [_raw(some) if method == "raw" else average(some, method=method) for some in members]

    def asked(self, find: Callable[[str], Sequence[Movable]], attribute: str, way: str = "") -> Answer:
        """What a way of finding directions finds for a semantic, and gives on its held-out faces.

        It is kept under the way's name, if it has one.
        """

        def answer() -> Answer:
            found = list(find(attribute))
            return Answer(found, measure(self.bundle, self.judge, self.faces(attribute), found))

        return self.kept(f"{way}: {attribute}", answer) if way else answer()


def _raw(members: Sequence[Direction]) -> CommunityDirection:
    difference = np.mean([member.difference for member in members], axis=0)
    length = float(np.linalg.norm(difference))
    return replace(
        average(members),
        vector=(difference / length).astype(np.float32),
        step=length / shown_share(members) ** 0.5,  # as the other averages, so that directions are compared
        method="raw",
    )
