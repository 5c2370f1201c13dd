"""What finders learn from: codes of one generator, its effect metric, and labels and styles where needed.

All checks of what comes in are made here, once, so that a finder holds nothing but its method. The rows are
kept in an order of their own, by content, because sums over many terms and the folds of a cross-validation
depend on the order: whatever is learned does not. Samples of a bundle's own codes come from
`finders.discovery`; nothing here needs torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from inference import effect_metric
from inference.errors import FinderError, ShapeError

Array = npt.NDArray[np.float64]


class Material:
    """Codes, and what is known of them.

    Args:
        codes: `[N, L, D]`, two or more.
        weights: the bundle's effect metric `[L]`.
        labels: `[N]`, True (or 1) where the attribute is there; both kinds must occur. Scores are turned
            into labels by `finders.labels`.
        styles: one matrix `[S_l, D]` a layer, what `generator.style_weights()` gives.
    """

    def __init__(
        self,
        codes: npt.ArrayLike,
        weights: npt.ArrayLike,
        *,
        labels: npt.ArrayLike | None = None,
        styles: Sequence[npt.ArrayLike] | None = None,
    ) -> None:
        rows = np.asarray(codes, dtype=np.float64)
        if rows.ndim != 3 or len(rows) < 2 or 0 in rows.shape or not np.all(np.isfinite(rows)):
            raise ShapeError(
                f"codes of shape {list(rows.shape)}", "finite [N >= 2, L, D]", code="shape:codes"
            )
        self.weights = effect_metric.check_weights(weights, rows.shape[1])  # [L]
        marks = None if labels is None else _checked_labels(labels, len(rows))
        # by the leading numbers, so that a unit of measure does not change it; the rest only parts the equal
        leading = rows.reshape(len(rows), -1)[:, :8].tolist()
        marked = [b""] * len(rows) if marks is None else [mark.tobytes() for mark in marks]
        rest = [blake2b(row.tobytes() + mark).digest() for row, mark in zip(rows, marked, strict=True)]
        order = sorted(range(len(rows)), key=lambda n: (leading[n], rest[n]))
        self.codes: Array = rows[order]  # [N, L, D]
        self.known_labels = None if marks is None else marks[order]  # [N]
        self.known_styles = None if styles is None else _checked_styles(styles, rows.shape[1], rows.shape[2])

    @property
    def labels(self) -> npt.NDArray[np.bool_]:
        """`[N]`, in the rows' own order; FinderError when there are none."""
        if self.known_labels is None:
            raise FinderError(
                "codes without labels", "labels [N] beside the codes", "see inference.finders.labels",
                code="finder:labels",
            )  # fmt: skip
        return self.known_labels

    @property
    def styles(self) -> tuple[Array, ...]:
        """A matrix `[S_l, D]` a layer; FinderError when there are none."""
        if self.known_styles is None:
            raise FinderError(
                "codes without the generator's style weights", "styles, one matrix a layer",
                "take them from generator.style_weights()", code="finder:styles",
            )  # fmt: skip
        return self.known_styles

    @property
    def shape(self) -> tuple[int, int]:
        """(L, D)."""
        return self.codes.shape[1], self.codes.shape[2]

    def features(self, space: str) -> Array:
        """The codes as rows in which plain lengths are those of the effect metric (up to one factor).

        In "W" `[N, D]`, the layers' weighted mean, which is w itself where all layers share it; in "W+"
        `[N, L * D]`, each layer times the root of its weight.
        """
        if space == "W":
            return np.average(self.codes, axis=1, weights=self.weights)
        return (self.codes * np.sqrt(self.weights)[:, None]).reshape(len(self.codes), -1)

    def from_features(self, rows: npt.ArrayLike, space: str) -> npt.NDArray[np.float32]:
        """Rows `[K, D]` or `[K, L * D]` of `features` back to unit differences of codes, `[K, L, D]`.

        A layer that draws nothing (weight 0) is left alone.
        """
        numbers, (layers, width) = np.asarray(rows, dtype=np.float64), self.shape
        if space == "W":
            return on_layers(numbers, range(layers), layers)
        roots = np.sqrt(self.weights)
        scale = np.divide(1.0, roots, out=np.zeros_like(roots), where=roots > 0)[:, None]
        return _units(numbers.reshape(len(numbers), layers, width) * scale)

    def coefficients(self, components: npt.ArrayLike) -> Array:
        """How far along each component each code lies, `[N, K]`, in latent units: <c - mean, v> / <v, v>."""
        vectors = np.asarray(components, dtype=np.float64)  # [K, L, D]
        powers = effect_metric.inner(vectors, vectors, self.weights)  # [K]
        if np.any(powers <= 0):
            raise FinderError(
                "layers that draw nothing", "layers with a weight above 0 in the effect metric",
                "choose others", code="finder:layers",
            )  # fmt: skip
        centred = self.codes - self.codes.mean(axis=0)
        weighted = vectors * self.weights[:, None]
        along: Array = np.tensordot(centred, weighted, axes=([1, 2], [1, 2])) / powers
        return along

    def spreads(self, components: npt.ArrayLike) -> Array:
        """One standard deviation of the codes along each component, `[K]`: the step of what has no labels."""
        spread: Array = self.coefficients(components).std(axis=0)
        return spread

    def gaps(self, components: npt.ArrayLike) -> Array:
        """From the mean of the unlabelled to that of the labelled codes along each component, `[K]`."""
        along = self.coefficients(components)
        gap: Array = along[self.labels].mean(axis=0) - along[~self.labels].mean(axis=0)
        return gap

    def explained(self, components: npt.ArrayLike) -> Array:
        """The share of the codes' variance that lies along each component, `[K]`, in the effect metric."""
        vectors = np.asarray(components, dtype=np.float64)
        total = float((self.codes.var(axis=0) * self.weights[:, None]).sum())
        along = self.coefficients(vectors).var(axis=0) * effect_metric.inner(vectors, vectors, self.weights)
        return np.asarray(along / total if total > 0 else np.zeros_like(along))


def on_layers(rows: Array, layers: Sequence[int] | range, count: int) -> npt.NDArray[np.float32]:
    """One row for each component, `[K, D]`, put on the chosen of `count` layers: unit `[K, L, D]`."""
    vectors = np.zeros((len(rows), count, rows.shape[1]))
    vectors[:, list(layers)] = rows[:, None, :]
    return _units(vectors)


def _units(vectors: Array) -> npt.NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=(1, 2), keepdims=True)
    if np.any(lengths <= 1e-12 * max(1.0, float(np.abs(vectors).max()))):
        raise FinderError(
            "codes in which there is nothing to find (a direction of length 0)",
            "codes that differ in what is looked for",
            code="finder:nothing",
        )
    units: npt.NDArray[np.float32] = (vectors / lengths).astype(np.float32)
    return units


def _checked_labels(labels: npt.ArrayLike, count: int) -> npt.NDArray[np.bool_]:
    given = np.asarray(labels)
    if given.shape != (count,):
        raise FinderError(
            f"labels of shape {list(given.shape)}", f"[{count}], one a code", code="finder:labels"
        )
    if not np.isin(given, (0, 1)).all():
        raise FinderError(
            "labels that are not all 0 or 1",
            "True or False for each code",
            "turn scores into labels first, see inference.finders.labels",
            code="finder:labels",
        )
    marks = given.astype(bool)
    if marks.all() or not marks.any():
        raise FinderError(
            "labels that are all the same", "codes with and codes without", code="finder:labels"
        )
    return marks


def _checked_styles(styles: Sequence[npt.ArrayLike], layers: int, width: int) -> tuple[Array, ...]:
    matrices = tuple(np.asarray(style, dtype=np.float64) for style in styles)
    wrong = [m.shape for m in matrices if m.ndim != 2 or m.shape[1] != width or not np.isfinite(m).all()]
    if len(matrices) != layers or wrong:
        raise ShapeError(
            f"{len(matrices)} style matrices" + (f", one of shape {list(wrong[0])}" if wrong else ""),
            f"{layers} finite ones of [S, {width}], one a layer",
            code="shape:styles",
        )
    return matrices
