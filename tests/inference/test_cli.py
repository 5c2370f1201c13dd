"""The command line in this process, and once as a person types it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from inference.averaging import CommunityDirection
from inference.cli import main
from inference.finders import Direction
from inference.images import write_image


@pytest.fixture
def workshop(tiny, made, tmp_path, monkeypatch):
    """A folder with a saved tiny bundle and pictures a.png, b.png, c.png that it drew."""
    tiny.save(tmp_path / "tiny")
    for name, picture in zip("abc", made(3)[1], strict=True):
        write_image(tmp_path / f"{name}.png", picture)
    monkeypatch.chdir(tmp_path)
    return tmp_path


BUNDLE = ("--bundle", "tiny", "--steps", "2")


def test_the_whole_way(workshop, capsys):
    assert main(["direction", "a.png", "b.png", "-o", "ab.safetensors", *BUNDLE]) == 0
    assert "movement_over_null" in capsys.readouterr().out
    assert main(["direction", "a.png", "c.png", "-o", "ac.npz", *BUNDLE]) == 0
    assert main(["average", "ab.safetensors", "ac.npz", "-o", "community.npz"]) == 0
    assert "members: 2" in capsys.readouterr().out
    assert CommunityDirection.load("community.npz").n == 2
    for name in ("ab.safetensors", "community.npz"):
        assert main(["edit", "c.png", "--direction", name, "--intensity", "2", "-o", "out.png", *BUNDLE]) == 0
        assert (
            main(["edit", "c.png", "--direction", name, "--intensity", "0", "-o", "zero.png", *BUNDLE]) == 0
        )
        assert np.asarray(Image.open("out.png")).shape == (32, 32, 3)
        assert not np.array_equal(np.asarray(Image.open("out.png")), np.asarray(Image.open("zero.png")))
    assert (
        main(
            [
                "strip",
                "c.png",
                "--direction",
                "ac.npz",
                "--intensities",
                "-1",
                "0",
                "1",
                "-o",
                "s.png",
                *BUNDLE,
            ]
        )
        == 0
    )
    assert Image.open("s.png").size == (96, 32)


def test_codes_that_invert_saved_can_be_edited(workshop, capsys):
    assert main(["invert", "a.png", "b.png", "-o", "codes.npz", "--image", "rec.png", *BUNDLE]) == 0
    assert capsys.readouterr().out.count(" dB") == 2
    assert Image.open("rec.png").size == (64, 64)
    main(["direction", "a.png", "b.png", "-o", "d.npz", *BUNDLE])
    assert main(["strip", "codes.npz", "--direction", "d.npz", "-o", "s.png", *BUNDLE]) == 0
    assert Image.open("s.png").size == (160, 64)
    assert main(["edit", "codes.npz", "--direction", "d.npz", "-o", "e.png", *BUNDLE]) == 2
    assert "got 2 codes" in capsys.readouterr().err


def test_portrait(tmp_path, capsys):
    from inference.portraits import render

    out = str(tmp_path / "p.png")
    assert main(["portrait", "--set", "glasses=1", "--set", "smile=0.8", "--seed", "3", "-o", out]) == 0
    wanted = render({"glasses": 1.0, "smile": 0.8}, 3)
    assert np.array_equal(np.asarray(Image.open(out)), wanted)
    assert main(["portrait", "--list"]) == 0
    assert "hair_length" in capsys.readouterr().out


def test_unusable_pairs_stay_out_of_an_average(workshop, direction_of, capsys):
    direction_of(seed=0).save("good.npz")
    direction_of(seed=1, quality={"verdict": "same-picture"}).save("bad.npz")
    assert main(["average", "good.npz", "bad.npz", "-o", "c.npz"]) == 0
    assert CommunityDirection.load("c.npz").n == 1
    assert "left out: bad.npz (same-picture)" in capsys.readouterr().err
    assert main(["average", "bad.npz", "-o", "c.npz"]) == 2
    assert main(["average", "good.npz", "bad.npz", "--all", "-o", "c.npz"]) == 0
    assert CommunityDirection.load("c.npz").n == 2


def test_a_pair_of_one_picture_is_said_to_be_so(workshop, capsys):
    assert main(["direction", "a.png", "a.png", "-o", "d.npz", *BUNDLE]) == 0
    assert "same-picture" in capsys.readouterr().err
    assert Direction.load("d.npz").quality["verdict"] == "same-picture"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("portrait --set nose=1 -o p.png", "'nose'"),
        ("portrait --set smile=2 -o p.png", "smile"),
        ("portrait --set smile=much -o p.png", "smile='much'"),
        ("portrait --set smile -o p.png", "NAME=VALUE"),
        ("portrait", "-o FILE"),
        ("portrait -o nowhere/p.png", "cannot be written"),
        ("portrait -o p.gif", "'p.gif'"),
        ("invert nothing.png --bundle tiny", "nothing.png"),
        ("invert note.txt --bundle tiny", "not a picture"),
        ("invert a.png --bundle nowhere", "nowhere"),
        ("invert a.png --bundle tiny --steps -1", "steps=-1"),
        ("invert a.png --bundle tiny --device abacus", "'abacus'"),
        ("direction a.png b.png -o d.txt --bundle tiny --steps 0", "d.txt"),
        ("average a.png -o c.npz", "'a.png'"),
        ("average nothing.npz -o c.npz", "nothing.npz"),
        ("edit a.png --direction note.npz -o e.png --bundle tiny", "note.npz"),
        ("edit a.png --direction foreign.npz -o e.png --bundle tiny --steps 0", "generator 000000000000"),
        (
            "edit a.png --direction own.npz --intensity 1 --intensity 2 -o e.png --bundle tiny",
            "2 intensities",
        ),
        ("edit a.png --direction own.npz --intensity nan -o e.png --bundle tiny --steps 0", "nan"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(workshop, direction_of, capsys, arguments, says):
    (workshop / "note.txt").write_text("no picture")
    (workshop / "note.npz").write_text("no direction")
    direction_of(digest="0" * 64).save("foreign.npz")
    direction_of().save("own.npz")
    assert main(arguments.split()) == 2
    captured = capsys.readouterr().err.strip()
    assert captured.startswith("error: got ")
    assert "\n" not in captured
    assert says in captured


@pytest.mark.parametrize(
    "command", ["portrait", "invert", "direction", "average", "edit", "strip", "train-portraits"]
)
def test_help_has_examples(command, capsys):
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert f"python -m inference {command}" in capsys.readouterr().out


def test_as_a_person_types_it(tmp_path):
    good = [
        sys.executable,
        "-m",
        "inference",
        "portrait",
        "--seed",
        "1",
        "--size",
        "32",
        "-o",
        str(tmp_path / "p.png"),
    ]
    assert subprocess.run(good, check=False).returncode == 0
    bad = subprocess.run([*good[:-1], str(tmp_path / "p.xyz")], check=False, capture_output=True, text=True)
    assert bad.returncode == 2
    assert "Traceback" not in bad.stderr
