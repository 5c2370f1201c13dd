"""The studio over HTTP: photos and samples, previews and sliders, recipes. Thin: parse, call, answer.

Pictures answer as image/png or image/webp (`?format=`), every refusal as JSON. Without an account, sample
photos and community directions are all there is. Here stands what every request is read with.
"""

from __future__ import annotations

from rest_framework.request import Request

from direction_commons.accounts.models import User
from directions.generators.access import generator_or_default
from directions.generators.models import Generator


def person(request: Request) -> User | None:
    return request.user if isinstance(request.user, User) else None


def generator_in(request: Request) -> Generator:
    return generator_or_default(request.query_params.get("generator"))
