"""The typed errors of the library: every refusal says what came, what was wanted and what to do next.

Callers tell errors apart by class or by the stable `code` ("shape:images"), never by the sentence.
This module imports nothing, so that every other one may import it. It does not log, translate or retry.
"""

from __future__ import annotations


class InferenceError(ValueError):
    """Root of all refusals. `came`, `wanted` and `todo` are short phrases in plain English."""

    default_code = "inference"

    def __init__(self, came: str, wanted: str, todo: str = "", *, code: str | None = None) -> None:
        self.came = came
        self.wanted = wanted
        self.todo = todo
        self.code = code or self.default_code
        super().__init__(str(self))

    def __str__(self) -> str:
        sentence = f"got {self.came}, wanted {self.wanted}"
        return f"{sentence}; {self.todo}" if self.todo else sentence

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        """Errors cross process pools; BaseException's own reduce would drop the three phrases."""
        return _restore, (type(self), self.came, self.wanted, self.todo, self.code)


def _restore(kind: type[InferenceError], came: str, wanted: str, todo: str, code: str) -> InferenceError:
    return kind(came, wanted, todo, code=code)


class ShapeError(InferenceError):
    """A tensor or array has the wrong shape, number type or range."""

    default_code = "shape"


class ImageError(InferenceError):
    """A file or bytes are not a picture that can be read under the limits."""

    default_code = "image"


class BundleError(InferenceError):
    """A bundle is missing, damaged, unsafe or of another format."""

    default_code = "bundle"


class DirectionError(InferenceError):
    """A direction is damaged, of another generator or space, or cannot be made from this pair."""

    default_code = "direction"


class AttributeNameError(InferenceError):
    """A drawn portrait was asked for with an attribute that does not exist."""

    default_code = "attribute:name"


class AttributeValueError(InferenceError):
    """A drawn portrait was asked for with a value that is not a finite number in 0..1."""

    default_code = "attribute:value"


class FinderError(InferenceError):
    """A direction finder was configured or fitted with something it cannot work with."""

    default_code = "finder"


class AveragingError(InferenceError):
    """Directions cannot be averaged as given (none, different shapes, no movement)."""

    default_code = "averaging"


class RegistryError(InferenceError):
    """A generator, encoder or finder name is not registered, or is registered twice."""

    default_code = "registry"


class OptionError(InferenceError):
    """An argument has a value that cannot be worked with (negative steps, an empty list, a bad path)."""

    default_code = "option"
