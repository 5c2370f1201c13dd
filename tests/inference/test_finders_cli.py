"""`find` and `decompose` on the command line."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from inference.averaging import load_direction
from inference.cli import main
from inference.cli.finding import parse_layers
from inference.errors import OptionError
from inference.finders import Component
from inference.images import write_image


@pytest.fixture
def workshop(tiny, made, tmp_path, monkeypatch):
    """A folder with a saved tiny bundle and pictures 0.png … 5.png that it drew."""
    tiny.save(tmp_path / "tiny")
    for number, picture in enumerate(made(6)[1]):
        write_image(tmp_path / f"{number}.png", picture)
    monkeypatch.chdir(tmp_path)
    return tmp_path


TINY = ("--bundle", "tiny", "--steps", "0")


@pytest.mark.parametrize("finder", ["ganspace", "sefa"])
def test_components_become_files_that_edit(workshop, capsys, finder):
    command = [
        "find",
        "--finder",
        finder,
        "-k",
        "3",
        "--samples",
        "100",
        "--layers",
        "0-2",
        "-o",
        "out",
        *TINY,
    ]
    assert main([*command, "--faces", "2"]) == 0
    told = capsys.readouterr().out
    for number in (1, 2, 3):
        assert f"{finder}-0{number}.safetensors" in told
        component = load_direction(f"out/{finder}-0{number}.safetensors")
        assert isinstance(component, Component)
        assert (component.index, component.samples) == (number - 1, 100)
        assert not component.vector[3:].any()
    assert Image.open("out/strips.png").size == (2 * 5 * 32, 3 * 32)
    name = f"out/{finder}-01.safetensors"
    assert main(["edit", "0.png", "--direction", name, "--intensity", "2", "-o", "e.png", *TINY]) == 0
    assert main(["edit", "0.png", "--direction", name, "--intensity", "0", "-o", "z.png", *TINY]) == 0
    assert not np.array_equal(np.asarray(Image.open("e.png")), np.asarray(Image.open("z.png")))


@pytest.mark.parametrize("finder", ["mean-difference", "interfacegan"])
def test_pictures_with_and_without(workshop, capsys, finder):
    labels = ["--with", "0.png", "1.png", "2.png", "--without", "3.png", "4.png", "5.png"]
    assert main(["find", "--finder", finder, *labels, "-o", "out", "--faces", "0", *TINY]) == 0
    assert not (workshop / "out" / "strips.png").exists()
    component = Component.load(f"out/{finder}-01.safetensors")
    assert (component.samples, component.space, component.seed) == (6, "W", None)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--finder", "sefa", "--with", "0.png"], "--with with --finder sefa"),
        (["--finder", "sefa", "--space", "W+"], "--space with --finder sefa"),
        (["--finder", "mean-difference", "-k", "3"], "--components with --finder mean-difference"),
        (["--finder", "mean-difference", "--with", "0.png"], "1 pictures --with and 0 --without"),
        (["--finder", "ganspace", "-k", "0"], "got 0 components"),
        (["--finder", "ganspace", "--samples", "1"], "codes of shape [1, 8, 16]"),
        (["--finder", "sefa", "--layers", "7-9"], "the layers [7, 8, 9]"),
        (["--finder", "sefa", "--faces", "-1"], "--faces -1"),
    ],
)
def test_a_mistake_is_one_line(workshop, capsys, arguments, told):
    assert main(["find", *arguments, "-o", "out", *TINY]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert not (workshop / "out").exists()


def test_layers_as_people_write_them():
    assert parse_layers("0-3") == [0, 1, 2, 3]
    assert parse_layers("4, 6,8-9") == [4, 6, 8, 9]
    for text in ("", "a", "3-", "-1", "1;2"):
        with pytest.raises(OptionError):
            parse_layers(text)


def test_an_entangled_direction_is_taken_apart(tmp_path, monkeypatch, capsys, direction_of):
    monkeypatch.chdir(tmp_path)
    known = [direction_of(seed=seed) for seed in range(4)]
    for number, direction in enumerate(known):
        direction.save(f"{number}.npz")
    direction_of(0.5 * known[2].difference + 2.0 * known[0].difference).save("mixed.npz")
    assert main(["decompose", "mixed.npz", "--into", "0.npz", "1.npz", "2.npz", "3.npz"]) == 0
    assert capsys.readouterr().out == "0.npz: 2.00 steps\n2.npz: 0.50 steps\nunexplained: 0 % of its length\n"


def test_directions_of_other_generators_do_not_mix(tmp_path, monkeypatch, capsys, direction_of):
    monkeypatch.chdir(tmp_path)
    direction_of(seed=0).save("mixed.npz")
    direction_of(seed=1, digest="0" * 64).save("known.npz")
    assert main(["decompose", "mixed.npz", "--into", "known.npz"]) == 2
    assert "known.npz of generator 000000000000" in capsys.readouterr().err
