"""The only way to load a component by id in a request. They are public once their strips are drawn."""

from __future__ import annotations

from uuid import UUID

from direction_commons.errors import NotFound
from directions.discover.models import Component
from directions.discover.selectors import components_shown


def access_component(id: UUID | str) -> Component:
    component = components_shown().filter(pk=_uuid(id)).first()
    if component is None:
        raise NotFound("component")
    return component


def _uuid(id: UUID | str) -> UUID:
    try:
        return id if isinstance(id, UUID) else UUID(id)
    except ValueError as error:
        raise NotFound("component") from error
