"""A bundle and a finder's name in, components out: the one way from the register to files and pages.

Unsupervised finders learn from codes drawn here, z ~ N(0, I) through the mapping network; supervised ones
from codes and labels that the caller brings. Which components mean something is for people (or a judge) to
say, not for this module.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from inference.errors import FinderError, OptionError
from inference.finders import FINDERS
from inference.finders.base import Finder
from inference.finders.component import Component
from inference.finders.material import Material

if TYPE_CHECKING:
    from inference.bundle import Bundle

SAMPLES = 10_000


def find_components(
    bundle: Bundle,
    finder: str,
    options: Mapping[str, Any] | None = None,
    *,
    codes: npt.ArrayLike | None = None,
    labels: npt.ArrayLike | None = None,
    samples: int = SAMPLES,
    seed: int = 0,
) -> list[Component]:
    """Fit a registered finder on a bundle.

    Args:
        finder: a registered name ("ganspace", "sefa", "mean-difference", "interfacegan").
        options: the finder's own, for example `{"components": 10, "layers": [0, 1, 2]}`.
        codes: `[N, L, D]` of this bundle to learn from; default: `samples` drawn with `seed`.
        labels: `[N]`, for supervised finders.
    Raises:
        RegistryError: an unknown finder or option. FinderError: material that it cannot learn from.

    Example:
        >>> smile, *_ = find_components(bundle, "ganspace", {"components": 10})
        >>> write_image("out.png", edit(bundle, photo.codes, [(smile, 2.0)]))
    """
    built = FINDERS.build(finder, dict(options or {}))
    if "labels" in built.needs and (codes is None or labels is None):
        raise FinderError(
            f"the supervised finder {finder!r} without labelled codes",
            "codes [N, L, D] and labels [N]",
            "give both, or take an unsupervised finder",
            code="finder:labels",
        )
    given = draw_codes(bundle, samples, seed) if codes is None else codes
    material = Material(
        given,
        bundle.metric_weights.numpy(),
        labels=labels,
        styles=style_matrices(bundle) if "styles" in built.needs else None,
    )
    return as_components(
        built.fit(material), finder, material, bundle.digest, seed=seed if codes is None else None
    )


def as_components(
    fitted: Finder, name: str, material: Material, digest: str, *, seed: int | None = None
) -> list[Component]:
    """What a fitted finder learned, with its provenance."""
    found = zip(fitted.components_, fitted.steps_, fitted.explained_, strict=True)
    return [
        Component(
            vector=vector,
            step=float(abs(step)),
            space="W" if bool((vector == vector[:1]).all()) else "W+",
            digest=digest,
            metric_weights=material.weights.astype(np.float32),
            finder=name,
            index=index,
            samples=len(material.codes),
            seed=seed,
            explained=float(explained),
            options=stored_options(fitted),
        )
        for index, (vector, step, explained) in enumerate(found)
    ]


def stored_options(finder: Finder) -> dict[str, Any]:
    """A finder's options as plain JSON values; a direction among them as the sha256 of its float32 bytes."""
    return {name: _plain(value) for name, value in sorted(vars(finder).items()) if not name.endswith("_")}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return hashlib.sha256(np.ascontiguousarray(value, dtype="<f4").tobytes()).hexdigest()
    if isinstance(value, np.generic):
        return value.item()
    return [_plain(part) for part in value] if isinstance(value, (list, tuple, range)) else value


def draw_codes(bundle: Bundle, count: int, seed: int, truncation: float = 1.0) -> npt.NDArray[np.float32]:
    """`count` codes of the generator's own, `[count, L, D]`; the same for the same seed on any device."""
    if count < 1:
        raise OptionError(f"{count} samples", "one or more", code="option:samples")
    source = torch.Generator().manual_seed(seed)
    z = torch.randn(count, bundle.generator.z_dim, generator=source)
    with torch.no_grad():
        codes = bundle.generator.mapping(z.to(bundle.device), truncation=truncation)
    drawn: npt.NDArray[np.float32] = codes.float().cpu().numpy()
    return drawn


def style_matrices(bundle: Bundle) -> list[npt.NDArray[np.float32]]:
    """The generator's style weights, one matrix `[S_l, D]` a layer."""
    return [matrix.detach().float().cpu().numpy() for matrix in bundle.generator.style_weights()]
