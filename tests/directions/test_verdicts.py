"""What the embedded, trained generator says of pairs that are none, by its own measured thresholds.

Nothing here moves a threshold: if the bundle that ships cannot tell, these tests fail.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from direction_commons.accounts.models import User
from direction_commons.jobs.handling import drain
from directions.community.models import Series
from directions.community.selectors import series_membership
from directions.generators.models import Generator
from directions.generators.services import generator_register
from directions.inversions import handlers as inversion_handlers
from directions.inversions.services import STEPS
from directions.pairs.models import Direction
from directions.pairs.services import pair_contribute
from directions.pairs.words import quality_rows
from tests.directions.domain_rows import a_face, as_jpeg, noise

Judge = Callable[..., Direction]


@pytest.fixture(autouse=True)
def _as_many_steps_as_people_get(_few_steps: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inversion_handlers, "STEPS", STEPS)


@pytest.fixture
def portraits(db: None) -> Generator:
    return generator_register(location="portraits")


def judged(user: User, pairs: dict[str, tuple[bytes, bytes]]) -> dict[str, Direction]:
    """All pairs in one go: they are inverted as batches."""
    made = {
        name: pair_contribute(contributor=user, semantic_name="earrings", before=before, after=after)
        for name, (before, after) in pairs.items()
    }
    drain("batch", worker="test")
    return {name: pair.directions.get() for name, pair in made.items()}


def test_what_is_no_pair_is_said_so_and_enters_no_version(portraits: Generator, ada: User) -> None:
    def face(seed: int, **attributes: float) -> bytes:
        return a_face(seed, size=128, hat=0.0, hair_length=0.2, **attributes)

    plain = face(31, earrings=0.0)
    found = judged(
        ada,
        {
            "honest": (plain, face(31, earrings=1.0)),
            "also honest": (face(32, earrings=0.0), face(32, earrings=1.0)),
            "strong": (face(33, light=0.1), face(33, light=0.9)),
            "another wall": (face(33, background=0.0), face(33, background=1.0)),
            "same file": (plain, plain),
            "same picture, saved again": (plain, as_jpeg(plain)),
            "unrelated": (face(34, skin_tone=0.1, background=0.1), face(35, skin_tone=0.9, background=0.8)),
            "also unrelated": (
                face(36, hair_colour=0.1, head_turn=0.1),
                face(37, hair_colour=0.9, head_turn=0.9),
            ),
            "noise": (noise(1), noise(2)),
            "noise after": (face(38), noise(3)),
        },
    )
    assert {name: row.verdict for name, row in found.items()} == {
        "honest": "",
        "also honest": "",
        "strong": "",
        "another wall": "",
        "same file": "same-picture",
        "same picture, saved again": "same-picture",
        "unrelated": "unrelated-pictures",
        "also unrelated": "unrelated-pictures",
        "noise": "out-of-domain",
        "noise after": "out-of-domain",
    }
    for row in found.values():
        assert (row.vector is None) == bool(row.verdict)
        assert (row.state == Direction.State.READY) != bool(row.verdict)
    assert "The after picture does not look like" in found["noise after"].reason
    assert "drawn world" in found["noise"].reason
    # whether these four, of three changes, have an average in common is another question
    members = series_membership(Series.objects.get()).members
    assert members == {found[name].pk for name in ("honest", "also honest", "strong", "another wall")}


def test_a_zeroed_encoder_makes_errors_jump_and_says_so(
    portraits: Generator, ada: User, bob: User, tmp_path: Path
) -> None:
    """The codes come from the encoder at run time, and from nowhere else."""
    import torch

    from inference import Bundle

    far = {"hat": 1.0, "skin_tone": 1.0, "background": 1.0, "light": 0.0}  # from the mean face
    pair = (a_face(31, size=128, earrings=0.0, **far), a_face(31, size=128, earrings=1.0, **far))
    sound = judged(ada, {"pair": pair})["pair"]
    bundle = Bundle.load("portraits", device="cpu")
    with torch.no_grad():
        for head in (bundle.encoder.shared, bundle.encoder.deltas):  # the last layer has two parts
            for parameter in head.parameters():
                parameter.zero_()
    broken = Bundle(
        name="broken",
        generator=bundle.generator,
        encoder=bundle.encoder,
        perceptual=bundle.perceptual,
        metric_weights=bundle.metric_weights,
        thresholds=bundle.thresholds,
        metadata=bundle.metadata,
    )
    assert broken.digest != portraits.digest
    broken.save(tmp_path / "broken")
    Generator.objects.filter(pk=portraits.pk).update(is_active=False, is_default=False)
    generator_register(location=str(tmp_path / "broken"))
    blind = judged(bob, {"pair": pair})["pair"]
    assert sound.state == Direction.State.READY
    assert blind.verdict == "out-of-domain"
    assert min(blind.quality["errors"]) > 1.5 * max(sound.quality["errors"])
    assert blind.vector is None
    assert blind.reason


def test_of_a_refused_pair_only_what_its_refusal_rests_on_is_measured() -> None:
    measured = {
        "change_kept": 0.97,
        "movement_over_null": 0.0,
        "changed_fraction": 0.98,
        "error_inside": 0.02,
        "error_outside": 0.02,
    }
    said = {
        verdict: [row.words for row in quality_rows({**measured, "verdict": verdict})]
        for verdict in ("same-picture", "unrelated-pictures", "out-of-domain")
    }
    assert said == {
        "same-picture": ["Nothing changes"],
        "unrelated-pictures": ["Nearly everything changes"],
        "out-of-domain": [],
    }
    assert len(quality_rows({**measured, "verdict": None})) == 4
