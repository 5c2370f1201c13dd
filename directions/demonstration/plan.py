"""What the demonstration community will contribute: pure data, the same on every machine.

Eight changes, twelve pairs each, by fourteen invented people. Most pairs are drawn cleanly; some are crude
paste-ups and a few are mislabelled, because real contributions are like that and the averages must live with
it. Other attributes (earrings, brow raise, moustache, lipstick, age lines ...) are left for real people.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TypedDict

from directions.demonstration.models import PlannedPair

Flaw = PlannedPair.Flaw
PAIRS_A_CHANGE = 12
ROUND = 4  # pairs of one change in a row: the catalogue fills on a broad front, and few refreshes are needed
SEED = 4100

PEOPLE: tuple[tuple[str, str], ...] = (
    ("Ada", "Lindqvist"),
    ("Tomas", "Okafor"),
    ("Mei", "Castellan"),
    ("Priya", "Varga"),
    ("Jonas", "Abara"),
    ("Lucia", "Fenn"),
    ("Sami", "Thorne"),
    ("Noor", "Haddadi"),
    ("Ines", "Kowal"),
    ("Viktor", "Osei"),
    ("Hana", "Brandt"),
    ("Leo", "Marchetti"),
    ("Anouk", "Desai"),
    ("Mateo", "Lund"),
)


class Scene(TypedDict):
    """What is drawn: a person (seed) with some attributes; `after` for the second picture."""

    seed: int
    before: dict[str, float]
    after: dict[str, float]
    attribute: str  # what really changes
    donor: int  # whose feature a paste-up is cut from
    feather: float  # pixels over which its edge fades; 0 is a hard cut


@dataclass(frozen=True)
class Change:
    """One change: its name, the attribute that makes it, and what is kept out of its way."""

    name: str
    attribute: str
    low: float
    high: float
    context: tuple[tuple[str, float], ...] = ()
    pasted: bool = False  # a local feature, which people cut out and paste
    mistaken_for: str = ""  # the attribute that one contributor shows under this name by mistake


CHANGES: tuple[Change, ...] = (
    Change("smile", "smile", 0.2, 0.95, (("mouth_open", 0.0),), pasted=True, mistaken_for="mouth_open"),
    Change("glasses", "glasses", 0.0, 0.9, (), pasted=True),
    Change("beard", "beard", 0.0, 0.9, (), pasted=True, mistaken_for="glasses"),
    Change("long hair", "hair_length", 0.1, 0.9, (("hat", 0.0),)),
    Change("head turn", "head_turn", 0.25, 0.8, ()),
    Change("hat", "hat", 0.0, 0.95, (), pasted=True, mistaken_for="hair_length"),
    Change("open mouth", "mouth_open", 0.0, 0.9, (), pasted=True),
    Change("blond hair", "hair_colour", 0.15, 0.95, (("hat", 0.0),), mistaken_for="smile"),
)
_BY_ATTRIBUTE = {change.attribute: change for change in CHANGES}
_PASTED = {3: 0.0, 8: 3.0}  # which of a change's pairs are paste-ups, with what feather
_MISTAKEN = 6


def username_of(person: int) -> str:
    first, last = PEOPLE[person]
    return f"demo-{first}-{last}".lower()


def planned_pairs() -> list[PlannedPair]:
    """All planned pairs in the order in which they are contributed, unsaved."""
    order = [
        (change, number)
        for start in range(0, PAIRS_A_CHANGE, ROUND)
        for change in range(len(CHANGES))
        for number in range(start, start + ROUND)
    ]
    return [_planned(position, change, number) for position, (change, number) in enumerate(order)]


def _planned(position: int, index: int, number: int) -> PlannedPair:
    change = CHANGES[index]
    seed = SEED + 100 * index + number
    dice = random.Random(seed)
    flaw, shown = Flaw.NONE, change
    if change.pasted and number in _PASTED:
        flaw = Flaw.PASTE_UP
    elif change.mistaken_for and number == _MISTAKEN:
        flaw, shown = Flaw.MISLABELLED, _BY_ATTRIBUTE[change.mistaken_for]
    low = shown.low + (dice.uniform(0.0, 0.1) if shown.low else 0.0)
    high = shown.high - dice.uniform(0.0, 0.15)
    context = dict(shown.context)
    scene = Scene(
        seed=seed,
        before={**context, shown.attribute: round(low, 3)},
        after={**context, shown.attribute: round(high, 3)},
        attribute=shown.attribute,
        donor=seed + 5000,
        feather=_PASTED.get(number, 0.0),
    )
    return PlannedPair(
        position=position,
        semantic_name=change.name,
        username=username_of((5 * index + number) % len(PEOPLE)),
        scene=scene,
        flaw=flaw,
    )
