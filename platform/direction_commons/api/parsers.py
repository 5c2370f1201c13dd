"""JSON as it may come: what no text column can hold, or no stack, is refused while it is read."""

from __future__ import annotations

import re
from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

# PostgreSQL keeps no U+0000, and half of a surrogate pair is no character.
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")


class CarefulJSONParser(JSONParser):
    """Refuses with 400 what is nested too deeply, and texts that hold U+0000 or a lone surrogate."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        try:
            data = super().parse(stream, media_type, parser_context)
        except RecursionError as exc:
            raise ParseError("JSON parse error - it is nested too deeply.") from exc
        except ParseError as exc:
            if "integer string conversion" in str(
                exc.detail
            ):  # Python's limit, with advice for its programmer
                raise ParseError("JSON parse error - a whole number has thousands of digits.") from exc
            raise
        except LookupError as exc:  # "application/json; charset=nope"
            raise ParseError("JSON parse error - its charset is not known; UTF-8 is wanted.") from exc
        left = [data]
        while left:
            match left.pop():
                case dict() as table:
                    left += [*table, *table.values()]
                case list() as row:
                    left += row
                case str() as text:
                    found = _NO_TEXT.search(text)
                    if found is not None:
                        raise ParseError(f"JSON parse error - a text holds U+{ord(found[0]):04X}.")
        return data
