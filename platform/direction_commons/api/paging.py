"""Paging that every list of the API shares."""

from __future__ import annotations

from rest_framework.pagination import PageNumberPagination


class CommonsPagination(PageNumberPagination):
    """`?page=` and `?page_size=` (at most 100)."""

    page_size = 30
    page_size_query_param = "page_size"
    max_page_size = 100
