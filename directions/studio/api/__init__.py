"""The studio over HTTP: photos and samples, previews and sliders, recipes. Thin: parse, call, answer.

Pictures answer as image/png or image/webp (`?format=`), every refusal as JSON. Without an account, sample
photos and community directions are all there is. Here stands what every request is read with.
"""

from __future__ import annotations

from rest_framework.request import Request

from directions.generators.access import generator_or_default
from directions.generators.models import Generator


def generator_in(request: Request) -> Generator:
    return generator_or_default(request.query_params.get("generator"))
