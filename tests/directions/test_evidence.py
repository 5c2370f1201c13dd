"""Evidence: a report is taken in as it is or refused in words; its pages, its pictures, the API.

Success and refusal stand on one setup: a small report of a generator that is here, and something changed.
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from PIL import Image

from direction_commons.media.models import StoredImage
from direction_commons.media.services import images_clean
from directions.evidence.models import Report, StripRow
from directions.evidence.words import percent
from directions.generators.models import Generator
from directions.generators.signals import generator_registered
from tests.directions.evidence_rows import (
    CASE,
    FACES,
    SEMANTICS,
    SHOWN,
    SIDE,
    WAYS,
    a_report,
    write_report,
    write_strip,
)
from tests.directions.studio_rows import a_generator
from tests.directions.test_pages import page


@pytest.fixture
def generator(db: None) -> Generator:
    return a_generator("drawn", title="Drawn World", drawn_world=True, location="portraits")


@pytest.fixture
def folder(generator: Generator, tmp_path: Path) -> Path:
    return write_report(tmp_path / "report", a_report(generator.digest))


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.742, "74 %"), (0.003, "0.3 %"), (-0.0049, "−0.5 %"), (0.0, "0 %"), (0.0002, "0 %"), (0.0097, "1 %")],
)
def test_a_percentage_that_is_small_is_not_told_as_nothing(value: float, said: str) -> None:
    assert percent(value).replace("\xa0", " ") == said


def take_in(folder: Path, slug: str = "drawn") -> str:
    out = StringIO()
    call_command("evidence_import", slug, str(folder), stdout=out)
    return out.getvalue()


def change(folder: Path, edit: Callable[[dict[str, Any]], object]) -> Path:
    data = json.loads((folder / "report.json").read_text())
    edit(data)
    (folder / "report.json").write_text(json.dumps(data))
    return folder


# --- taking a report in -----------------------------------------------------------------------------


def test_a_report_is_taken_in_with_its_pictures_encoded_anew(generator: Generator, folder: Path) -> None:
    assert "is shown at /evidence/drawn/" in take_in(folder)
    report = Report.objects.get()
    assert report.text == (folder / "report.json").read_text()
    assert report.measured_at.isoformat() == "2026-03-01T12:30:00+00:00"
    rows = StripRow.objects.filter(semantic="mouth_open")
    able = [way for way in SHOWN if "crude" not in way]
    assert [row.way for row in rows] == ["before", "after", "own", *able]
    row = rows[0]
    assert (row.faces, row.image.width, row.image.height) == (FACES, FACES * SIDE, SIDE)
    assert row.image.content_type == "image/webp"
    shown = Client().get(reverse("media:image", args=[row.image_id]))
    got = Image.open(io.BytesIO(shown.getvalue())).convert("RGB")
    came = Image.open(folder / "strip-mouth_open.webp").crop((0, 0, FACES * SIDE, SIDE))
    assert got.tobytes() == came.tobytes()  # the first row is the first row
    assert StripRow.objects.filter(semantic=CASE).count() == 3


def test_the_same_report_again_changes_nothing(generator: Generator, folder: Path) -> None:
    take_in(folder)
    before = set(StoredImage.objects.values_list("pk", flat=True))
    assert "was there already" in take_in(folder)
    assert set(StoredImage.objects.values_list("pk", flat=True)) == before


def test_a_newer_report_replaces_numbers_and_pictures(
    generator: Generator, folder: Path, django_capture_on_commit_callbacks: Any
) -> None:
    take_in(folder)
    old = set(StoredImage.objects.values_list("pk", flat=True))
    change(folder, lambda data: data.update(measured="2026-04-01T00:00:00+00:00"))
    write_strip(folder / "strip-hat.webp", rows=3 + len(SHOWN), seed=77)
    with django_capture_on_commit_callbacks(execute=True):
        take_in(folder)
    assert Report.objects.get().measured_at.month == 4
    held = set(StripRow.objects.values_list("image", flat=True))
    assert set(StoredImage.objects.values_list("pk", flat=True)) == held, "pictures are left over"
    assert held & old, "pictures that stayed the same were stored anew"
    assert images_clean(older_than=0) == (0, 0)


def test_nothing_but_the_report_and_its_strips_is_opened(generator: Generator, folder: Path) -> None:
    (folder / "index.html").write_text("<script>alert('index')</script>")
    (folder / "effect.svg").write_text("<svg onload='alert(1)'/>")
    (folder / "strip-../../secret.webp").parent.mkdir(parents=True, exist_ok=True)
    take_in(folder)
    text = page(Client(), "/evidence/drawn/").check().response.content.decode()
    assert "alert" not in text


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda d: d["bundle"].update(digest="f" * 64), "is of the generator ffffffffffff"),
        (lambda d: d["bundle"].update(digest="<b>"), "a sha256 was wanted"),
        (lambda d: d.pop("methods"), "report.json has no 'methods'"),
        (lambda d: d.update(methods={}), "1 to 100 named values was wanted"),
        (lambda d: d.update(measured="lately"), "a time such as"),
        (lambda d: d["options"].update(faces="many"), "a whole number"),
        (lambda d: d["options"].update(semantics=["../../etc/passwd"]), "a semantic's name"),
        (lambda d: d["options"].update(semantics=["smile", "freckles"]), "no strip of 'freckles'"),
        (
            lambda d: d["methods"]["1 clean"]["effect"]["mean"].update(low="x"),
            "methods: 1 clean: effect: mean is",
        ),
        (
            lambda d: d["methods"]["1 clean"]["effect"]["worst"].update(semantic="nobody"),
            "one of smile, mouth_open, hat",
        ),
        (lambda d: d["projection"]["pca"].pop(), "12 points, as many as labels"),
        (lambda d: d["strips"]["hat"].pop(), "10 rows of square pictures"),
        (lambda d: d["strips"].update(hat=["of magic"]), "names of methods was wanted"),
        (lambda d: d.update(inapplicable={"../x y": {}}), "a case's name"),
    ],
)
def test_an_odd_report_is_refused_with_its_place(
    generator: Generator, folder: Path, edit: Callable[[dict[str, Any]], object], said: str
) -> None:
    with pytest.raises(CommandError) as refused:
        take_in(change(folder, edit))
    assert said in str(refused.value)
    assert not Report.objects.exists()
    assert not StoredImage.objects.exists()


def test_files_that_are_no_report_are_refused(generator: Generator, folder: Path, tmp_path: Path) -> None:
    (folder / "strip-hat.webp").write_text("<svg/>")
    with pytest.raises(CommandError, match=r"strip-hat\.webp: This file is not a JPEG, PNG or WebP"):
        take_in(folder)
    (folder / "strip-hat.webp").unlink()
    with pytest.raises(CommandError, match=r"strip-hat\.webp in .* cannot be read: No such file"):
        take_in(folder)
    (folder / "report.json").write_text('{"bundle": ')
    with pytest.raises(CommandError, match=r"report\.json is no whole JSON file"):
        take_in(folder)
    (folder / "report.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CommandError, match="no text in UTF-8"):
        take_in(folder)
    (folder / "report.json").write_text("[" * 100_000)
    with pytest.raises(CommandError, match="no whole JSON file"):
        take_in(folder)
    with pytest.raises(CommandError, match=r"report\.json in .* cannot be read"):
        take_in(tmp_path / "nothing here")
    assert not Report.objects.exists()


def test_oversized_things_are_refused(generator: Generator, folder: Path, settings: Any) -> None:
    settings.MEDIA_MAX_PIXELS = 1000
    with pytest.raises(CommandError, match=r"strip-smile\.webp: The picture has"):
        take_in(folder)
    settings.MEDIA_MAX_PIXELS = 25_000_000
    settings.MEDIA_MAX_BYTES = 100
    with pytest.raises(CommandError, match=r"strip-smile\.webp: The file has"):
        take_in(folder)
    (folder / "report.json").write_text(" " * (4 * 1024**2 + 1))
    with pytest.raises(CommandError, match="more than 4 MB"):
        take_in(folder)


def test_a_generator_that_is_not_there_is_named(generator: Generator, folder: Path) -> None:
    with pytest.raises(CommandError, match="no generator 'elsewhere'; registered: drawn"):
        take_in(folder, "elsewhere")


# --- reports that came with the program --------------------------------------------------------------


@pytest.fixture
def shipped(folder: Path, settings: Any, tmp_path: Path) -> Path:
    settings.EVIDENCE_SHIPPED = tmp_path / "shipped"
    return Path(shutil.copytree(folder, tmp_path / "shipped" / "portraits"))


def install() -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("evidence_install", stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_a_shipped_report_is_there_after_a_start(shipped: Path) -> None:
    assert install()[0] == "drawn: the report of 2026-03-01.\n"
    assert install() == ("", "")
    assert "for averages of ten pairs" in page(Client(), "/evidence/drawn/").text


def test_a_later_report_of_the_operators_stays(shipped: Path, folder: Path) -> None:
    take_in(change(folder, lambda data: data.update(measured="2026-05-01T00:00:00+00:00")))
    assert install() == ("", "")
    assert Report.objects.get().measured_at.month == 5


def test_a_shipped_report_of_another_content_is_passed_over(shipped: Path) -> None:
    change(shipped, lambda data: data["bundle"].update(digest="f" * 64))
    assert install() == ("", "")
    assert not Report.objects.exists()


def test_a_broken_shipped_report_keeps_nobody_from_starting(shipped: Path) -> None:
    shutil.copytree(shipped, shipped.with_name("a-broken-one"))
    (shipped.with_name("a-broken-one") / "report.json").write_text("{")
    out, err = install()
    assert "passed over: report.json is no whole JSON file" in err
    assert "drawn" in out


def test_a_generator_that_is_registered_later_gets_its_shipped_report(
    shipped: Path, generator: Generator, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        generator_registered.send(sender=Generator, generator=generator)
    assert Report.objects.get().generator == generator


def test_what_is_shipped_here_is_whole(db: None, settings: Any) -> None:
    """Each report under docs/evidence/ can be taken in by a generator of its digest."""
    for path in sorted(settings.EVIDENCE_SHIPPED.glob("*/report.json")):
        name = path.parent.name.replace("_", "-")
        a_generator(name, digest=json.loads(path.read_text())["bundle"]["digest"])
        assert "is shown" in take_in(path.parent, name)
        page(Client(), f"/evidence/{name}/").check()


# --- pages -------------------------------------------------------------------------------------------


def test_without_generators_and_reports_pages_say_so(db: None) -> None:
    assert "Nothing to measure yet" in page(Client(), "/evidence/").check().text
    page(Client(), "/evidence/drawn/", 404)
    a_generator("drawn", title="Drawn World", drawn_world=True, location="portraits")
    assert "Not measured yet" in page(Client(), "/evidence/").check().text
    text = page(Client(), "/evidence/drawn/").check().text
    assert "Not measured yet" in text
    assert "inference evaluate --bundle portraits" in text
    assert "evidence_import drawn" in text
    page(Client(), "/evidence/drawn/report.json", 404)


def test_a_generator_of_photographs_is_not_promised_a_measure(db: None) -> None:
    a_generator("photos", drawn_world=False)
    text = page(Client(), "/evidence/photos/").check().text
    assert "only a drawn world has" in text
    assert "inference evaluate" not in text


def test_the_list_says_what_was_measured_when_and_in_short(generator: Generator, folder: Path) -> None:
    take_in(folder)
    text = page(Client(), "/evidence/").check().text
    assert "Measured on 1 March 2026: 3 changes, each on 32 people" in text
    assert "Strength 84 %" in text
    assert "95 % interval 81 to 87 %; worst is hat, 74 %" in text
    assert "It was trained on pictures alone" in text
    assert "drawn world" in text


def test_generators_of_one_title_are_told_apart(generator: Generator, folder: Path) -> None:
    take_in(folder)
    a_generator("twin", title=generator.title, drawn_world=True)
    assert f"{generator.title} twin" in page(Client(), "/evidence/").check().text
    assert f"{generator.title} drawn" in page(Client(), "/evidence/drawn/").check().text


def test_the_report_tells_the_papers_figures_in_sentences(generator: Generator, folder: Path) -> None:
    take_in(folder)
    text = page(Client(), "/evidence/drawn/").check().text
    for sentence in (
        "A single pair makes 72 % of the wanted change (69 to 75 %)",
        "InterFaceGAN, 2,000 labels: 79 %, no clear difference; InterFaceGAN, 20 labels: 30 %, clearly less",
        "GANSpace, best of 50: 35 %, clearly less",
        "SeFa, best of 50: 31 %, clearly less",
        "Worst is hat: 70 % of it is made right. Crude paste-ups keep 75 %",
        "From one pair to ten: side effects go from 20 % to 8 %, and what is made right",
        "goes from 61 % to 80 %",
        "Inverted by the encoder alone, from one pair to 100: side effects go from 24 % to 5 %",
        "For 98 % of all single pairs, the pair whose direction is nearest shows the same change",
        "1 of 2 goals are met",
        "Effect, ten clean pairs 0.84 (0.81 to 0.87) at least 0.7",
        "Two sliders at once keep 93 % (90 to 96 %) of what each does alone (at worst 81 %)",
        "both are recognised in 75 % and at least one in 100 % of 12 pairs",
        "it moves 4 % of what it moves on other people; the edit moved 55 %",
        "dark skin 79 % 71 % smile 60 %",
    ):
        assert sentence in text, sentence


def test_a_difference_on_the_same_faces_decides_over_two_intervals(
    generator: Generator, folder: Path
) -> None:
    """The two intervals overlap; that of the paired difference does not touch zero."""
    name, difference = "10 clean − interfacegan, 2000 labels", {"value": 0.01, "low": 0.004, "high": 0.02}
    take_in(change(folder, lambda data: data["paired"].update({name: {"edit_share": difference}})))
    assert "2,000 labels: 79 %, clearly less" in page(Client(), "/evidence/drawn/").text


def test_what_was_not_measured_is_said(generator: Generator, folder: Path) -> None:
    gone = [way for way in WAYS if way not in ("1 clean", "3 clean")]

    def edit(data: dict[str, Any]) -> None:
        for way in gone:
            del data["methods"][way]
        data["strips"] = {name: ["1 clean", "3 clean"] for name in SEMANTICS}
        for section in ("themselves", "projection", "bars", "inapplicable", "subpopulations", "paired"):
            del data[section]

    change(folder, edit)
    for semantic in ("smile", "mouth_open", "hat"):
        write_strip(folder / f"strip-{semantic}.webp", rows=5)
    take_in(folder)
    text = page(Client(), "/evidence/drawn/").check().text
    assert text.count("This report did not measure it.") == 4
    assert "for averages of three pairs" in text
    assert "goals" not in text


def test_figures_that_could_not_be_computed_are_dashes(generator: Generator, folder: Path) -> None:
    text = (folder / "report.json").read_text()
    at = text.index('"effect"')
    (folder / "report.json").write_text(text[:at] + text[at:].replace('"value": 0.72', '"value": NaN', 1))
    take_in(folder)
    assert "A single pair makes – of the wanted change" in page(Client(), "/evidence/drawn/").check().text


def test_numbers_beyond_any_are_none(generator: Generator, folder: Path) -> None:
    def edit(data: dict[str, Any]) -> None:
        data["bars"][0] |= {"value": "NUMBER", "met": False}
        data["odd"] = {"large": "NUMBER", "whole": "WHOLE"}

    text = (change(folder, edit) / "report.json").read_text()
    text = text.replace('"NUMBER"', "1e999").replace('"WHOLE"', "9" * 400)
    (folder / "report.json").write_text(text)
    take_in(folder)
    text = page(Client(), "/evidence/drawn/").check().text
    assert "0 of 2 goals are met" in text, "a goal that came to nothing is not left out"
    answer = Client().get("/api/v1/generators/drawn/evidence/")
    assert answer.json()["report"]["odd"] == {"large": None, "whole": None}


def test_plots_are_drawn_here_and_have_their_numbers_beside_them(generator: Generator, folder: Path) -> None:
    take_in(folder)
    found = page(Client(), "/evidence/drawn/")
    html = found.response.content.decode()
    assert html.count('<circle class="mean"') == 3 * len(WAYS) + 3 * 5  # three plots, three curves of 3 + 2
    assert 'aria-label="t-SNE: the 4 directions of mouth open among all"' in html
    assert "80 % 77 to 83 % worst: hat 70 %" in found.text


def test_a_section_that_nobody_knows_becomes_tables(generator: Generator, folder: Path) -> None:
    new = {
        "reconstruction": {"psnr": {"value": 28.4, "low": 28.1, "high": 28.7}, "steps": [0, 30, 100]},
        "by_kind": {"clean": {"purity": 0.98, "odd": None}, "crude": {"purity": 0.91}},
        "deep": {"one": {"two": {"three": {"four": {"five": {"six": {"seven": {"eight": {"nine": 1}}}}}}}}},
        "words": "<script>alert(1)</script>",
        "rows": [{"name": "a", "met": True}, {"name": "b", "met": False}],
        "nothing": {},
    }
    take_in(change(folder, lambda data: data.update(new)))
    found = page(Client(), "/evidence/drawn/").check()
    assert "psnr 28.40 (28.10 to 28.70)" in found.text
    assert "By kind" in found.text
    assert "clean 0.980 –" in found.text
    assert "in report.json" in found.text
    assert "<script>alert" not in found.response.content.decode()


def test_hostile_words_stay_words(generator: Generator, folder: Path) -> None:
    def edit(data: dict[str, Any]) -> None:
        data["methods"] = {
            ("<img src=x onerror=alert(1)>" if way == "sefa, best of 50" else way): found
            for way, found in data["methods"].items()
        }
        for shown in data["strips"].values():
            shown[:] = [way for way in shown if way in data["methods"]] + ["<img src=x onerror=alert(1)>"]
        data["bars"][0]["what"] = "</td><script>alert(2)</script>"

    take_in(change(folder, edit))
    html = page(Client(), "/evidence/drawn/").check().response.content.decode()
    assert "<img src=x" not in html
    assert "<script>alert" not in html


def test_the_page_costs_few_questions(
    generator: Generator, folder: Path, django_assert_max_num_queries: Any
) -> None:
    take_in(folder)
    with django_assert_max_num_queries(6):
        page(Client(), "/evidence/drawn/")


def test_the_generators_page_and_the_footer_lead_there(generator: Generator) -> None:
    html = page(Client(), "/generators/").check().response.content.decode()
    assert 'href="/evidence/drawn/"' in html
    assert 'href="/evidence/"' in html


# --- download and API --------------------------------------------------------------------------------


def test_the_download_is_the_report_byte_for_byte(generator: Generator, folder: Path) -> None:
    take_in(folder)
    response = Client().get("/evidence/drawn/report.json")
    assert response.content == (folder / "report.json").read_bytes()
    assert response["Content-Disposition"] == 'attachment; filename="evidence-drawn.json"'
    assert response["Content-Type"] == "application/json"


def test_the_api_gives_reports_and_says_where_there_is_none(generator: Generator, folder: Path) -> None:
    refused = Client().get("/api/v1/generators/drawn/evidence/")
    assert refused.status_code == 404
    assert refused.json()["error"]["code"] == "evidence:not-measured"
    assert Client().get("/api/v1/generators/none/evidence/").json()["error"]["code"] == "generator:not-found"
    assert Client().get("/api/v1/evidence/").json()["results"] == []
    take_in(folder)
    (row,) = Client().get("/api/v1/evidence/").json()["results"]
    assert (row["generator"], row["digest"]) == ("drawn", generator.digest)
    found = Client().get("/api/v1/generators/drawn/evidence/").json()
    assert found["report"]["methods"]["10 clean"]["effect"]["mean"]["value"] == 0.84
    assert list(found["report"]["methods"]) == list(WAYS)
    first = found["rows"][0]
    assert Client().get(f"/media/{first['image']}/").status_code == 200
    assert found["rows"][3]["words"]
