"""Directions -> community direction, on pure arrays: no torch in here."""

from __future__ import annotations

from inference.averaging.community import CommunityDirection as CommunityDirection
from inference.averaging.community import average as average
from inference.averaging.community import load_direction as load_direction
from inference.averaging.estimators import DEFAULT_METHOD as DEFAULT_METHOD
