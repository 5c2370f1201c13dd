"""Paging that every list of the API shares, and the whole numbers of its addresses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response

from direction_commons.errors import UserError


class CommonsPagination(PageNumberPagination):
    """`?page=` and `?page_size=` (at most 100)."""

    page_size = 30
    page_size_query_param = "page_size"
    max_page_size = 100


def page_answer(
    request: Request, rows: QuerySet[Any] | list[Any], bodies: Callable[[list[Any]], Any]
) -> Response:
    """The page of `rows` that was asked for; `bodies` makes of its rows what goes out as "results"."""
    pages = CommonsPagination()
    return pages.get_paginated_response(bodies(pages.paginate_queryset(rows, request) or []))


def whole_number(request: Request, name: str, default: int) -> int:
    """`?name=`, refused with a sentence when it is no whole number."""
    came = request.query_params.get(name, str(default))
    if not (came.isascii() and came.isdecimal() and len(came) < 10):
        raise UserError("request:number", f"{name}={came[:30]!r} came; a whole number was wanted.")
    return int(came)
