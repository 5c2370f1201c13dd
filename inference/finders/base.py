"""The register of direction finders; each registers itself beside its definition."""

from __future__ import annotations

from typing import Any

from inference.registry import Registry

FINDERS: Registry[Any] = Registry("finder")
