"""The generators that come with the library, by name. Told apart from bundle.py because asking where they lie
must not load torch."""

from __future__ import annotations

from pathlib import Path

_BUNDLES = Path(__file__).parent / "portraits" / "bundles"

EMBEDDED = {"portraits": _BUNDLES / "known_codes", "portraits-label-free": _BUNDLES / "label_free"}
