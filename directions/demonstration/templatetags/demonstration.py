"""How far the demonstration community has come, on pages of any room."""

from __future__ import annotations

from typing import Any

from django import template

from direction_commons.pages import PAUSES
from directions.demonstration.selectors import demo_progress

register = template.Library()


@register.inclusion_tag("demonstration/_progress.html")
def demonstration_progress(look: int = 0) -> dict[str, Any]:
    """Nothing once it is complete (or was never started); it looks again by itself until then."""
    done, total = demo_progress()
    # It lasts minutes: slower steps than for a person's own work.
    pause = 2 * PAUSES[min(look, len(PAUSES) - 1)]
    return {
        "done": done,
        "total": total,
        "filling": done < total,
        "look": look + 1,
        "pause": pause,
        "first": look == 0,
    }
