from __future__ import annotations

import ast
import inspect
import pickle
import subprocess
import sys

import pytest

import inference
from inference.errors import DirectionError, InferenceError

PROMISED = {"Bundle", "Generator", "Encoder", "invert", "Inversion", "find_direction", "Direction"} | {
    "average",
    "CommunityDirection",
    "edit",
    "render",
    "ATTRIBUTES",
}


@pytest.mark.parametrize("name", inference.__all__)
def test_every_export_is_there(name):
    assert getattr(inference, name) is not None


def test_all_that_others_build_on_is_exported():
    assert set(inference.__all__) >= PROMISED


def test_type_checkers_see_the_same_names():
    """Lazy exports are spelled twice; this keeps the two from drifting apart."""
    tree = ast.parse(inspect.getsource(inference))
    typed = {
        alias.asname: node.module.split(".")[1]
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == inference._HOME


def test_unknown_names_are_ordinary_errors():
    with pytest.raises(AttributeError, match="no attribute 'invertt'"):
        inference.invertt  # noqa: B018


def test_importing_loads_no_torch():
    program = (
        "import sys, inference; inference.render, inference.DirectionError; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_the_library_knows_no_django():
    program = (
        "import sys, inference; [getattr(inference, name) for name in inference.__all__];"
        "foreign = {'django', 'directions', 'direction_commons'};"
        "sys.exit(not foreign.isdisjoint(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_errors_say_what_came_what_was_wanted_and_what_to_do():
    error = DirectionError("a banana", "a direction", "upload another", code="direction:fruit")
    assert str(error) == "got a banana, wanted a direction; upload another"
    assert isinstance(error, InferenceError)
    assert isinstance(error, ValueError)
    assert DirectionError("a", "b").code == "direction"
    assert str(DirectionError("a", "b")) == "got a, wanted b"


def test_errors_survive_a_process_pool():
    error = pickle.loads(pickle.dumps(DirectionError("a", "b", "c", code="direction:x")))
    assert (type(error), error.came, error.wanted, error.todo, error.code) == (
        DirectionError,
        "a",
        "b",
        "c",
        "direction:x",
    )
