"""What people agree on a name for: in the catalog beside the averages of pairs, and in the studio."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import numpy as np
import pytest
from django.test import Client

from direction_commons.accounts.models import User
from directions.catalog.selectors import catalog_page, catalog_semantic
from directions.community.models import Version
from directions.discover.models import Component
from directions.discover.selectors import component_vector
from directions.discover.services import opinion_name, opinion_reject, opinion_withdraw
from directions.generators.models import Generator
from directions.inversions.codes import codes_pack, codes_unpack
from directions.studio.models import Photo
from directions.studio.rendering import Gone, edited_pixels, vector_of
from directions.studio.selectors import sliders_for
from directions.studio.steps import Step, steps_parse, steps_resolve
from tests.directions.discover_rows import a_component
from tests.directions.studio_rows import a_generator, a_person, a_picture, a_version, an_inversion

pytestmark = pytest.mark.django_db
JSON = "application/json"


def a_photo_of(owner: User, generator: Generator) -> Photo:
    """A photo that is ready to edit."""
    photo = Photo.objects.create(owner=owner, image=a_picture(owner))
    an_inversion(photo.image, generator)
    return photo


def a_named(generator: Generator, change: str = "smile", *, end: str = "+", people: int = 2) -> Component:
    component = a_component(generator)
    for _ in range(people):
        opinion_name(person=a_person(), component=component, change=change, end=end)
    component.refresh_from_db()
    assert component.state == Component.State.NAMED
    return component


# --- the catalog ---------------------------------------------------------------------------------------


def test_the_catalog_lists_it_beside_the_averages_and_ranks_it_with_none() -> None:
    generator = a_generator()
    a_version(generator, "smile", members=4)
    two, three = a_named(generator, "smile"), a_named(generator, "wider face", people=3)
    a_named(a_generator("other"), "hat")
    a_component(generator)
    found = catalog_page(generator=generator)
    assert [entry.semantic.name for entry in found.entries] == ["smile"]
    assert (found.total, found.entries[0].pairs) == (1, 4), "no component is counted as anything of a pair"
    assert [card.component for card in found.components] == [three, two]
    assert found.total_components == 2
    alone = catalog_page(generator=generator, kind="found", page_size=1, page=2)
    assert (alone.entries, alone.total, alone.pages) == ((), 2, 2)
    assert [card.component for card in alone.components] == [two]
    for kind in ("real", "demonstration"):
        assert catalog_page(generator=generator, kind=kind).components == ()
    typed = catalog_page(generator=generator, query="wide fase")
    assert (typed.entries, [card.component for card in typed.components]) == ((), [three])


def test_its_pages_say_where_it_is_from(client: Client) -> None:
    generator = a_generator()
    component = a_named(generator, "wider face", end="-", people=3)
    grid = client.get("/catalog/").content.decode()
    assert "Found by SeFa, named by 3 people, from no pair" in grid
    assert "strip-turned" in grid, "its - shows the change, and a catalog goes from less to more"
    page = client.get("/catalog/wider-face/").content.decode()
    assert "named by 3 people" in page
    assert "No pair yet" in page
    assert f"/api/v1/components/{component.pk}.safetensors" in page
    assert f"/studio/?component:{component.pk}=1" in page
    assert component.vector_digest in page
    a_version(generator, "wider face", members=2)
    both = client.get("/catalog/wider-face/").content.decode()
    assert "2 pairs by 2 contributors" in both
    assert "Found by the machine" in both
    kind = client.get("/catalog/", {"kind": "found"}).content.decode()
    assert "1 change<" in kind


def test_the_api_of_the_catalog_tells_it_apart(client: Client) -> None:
    generator = a_generator()
    component = a_named(generator, "smile")
    listed = client.get("/api/v1/catalog/").json()
    assert (listed["count"], listed["results"], listed["total_components"]) == (0, [], 1)
    assert listed["components"][0]["id"] == str(component.pk)
    one = client.get("/api/v1/catalog/smile/").json()
    assert (one["real"], one["demonstration"], one["proposals"]) == (None, None, 0)
    assert one["components"] == listed["components"]
    assert client.get("/api/v1/components/", {"which": "named"}).json()["results"] == one["components"]


def test_a_name_that_too_few_give_is_a_proposal_and_no_entry(client: Client) -> None:
    generator = a_generator()
    component = a_component(generator)
    person = a_person()
    opinion_name(person=person, component=component, change="smile", end="+")
    assert catalog_page(generator=generator).total_components == 0
    found = catalog_semantic(slug="smile", generator=generator)
    assert (found.components, found.proposals) == ((), 1)
    page = client.get("/catalog/smile/").content.decode()
    assert "somebody sees “smile”, too" in page
    opinion_reject(person=person, component=component)
    assert client.get("/catalog/smile/").status_code == 404, "nothing stands behind the name any more"


def test_who_takes_the_name_back_takes_it_out_of_the_catalog() -> None:
    generator = a_generator()
    component = a_component(generator)
    ada, bob = a_person(), a_person()
    for person in (ada, bob):
        opinion_name(person=person, component=component, change="smile", end="+")
    assert catalog_page(generator=generator).total_components == 1
    opinion_withdraw(person=ada, component=component)
    assert catalog_page(generator=generator).total_components == 0
    assert sliders_for(user=None, generator=generator) == []


# --- the studio ----------------------------------------------------------------------------------------


def test_it_is_a_slider_of_its_own_kind_for_everybody() -> None:
    generator = a_generator()
    a_version(generator, "glasses")
    component = a_named(generator, "smile")
    a_component(generator)
    sliders = sliders_for(user=None, generator=generator)
    assert [(one.kind, one.change, one.members) for one in sliders] == [
        ("community", "glasses", 3),
        ("component", "smile", 0),
    ]
    assert sliders[1].id == str(component.pk)
    assert sliders[1].found == f"SeFa {component.index + 1}"
    assert [one.change for one in sliders_for(user=None, generator=generator, query="smle")] == ["smile"]


def test_a_step_of_it_goes_to_the_end_that_people_named() -> None:
    generator = a_generator()
    component = a_named(generator, "smile", end="-")
    (step,) = steps_resolve(
        user=None, generator=generator, steps=steps_parse([_step(component, 1.0, upper=True)])
    )
    assert (step.kind, step.change, step.step, step.version) == ("component", "smile", component.step, None)
    raw = codes_unpack(component.vector, component.shape)
    assert np.array_equal(vector_of("component", step.id, step.vector_sha256), -raw)
    with pytest.raises(Gone):
        vector_of("component", step.id, component.vector_digest)


@pytest.mark.parametrize("which", ["open", "rejected", "other", "absent"])
def test_what_is_no_named_component_of_this_generator_is_no_step(client: Client, which: str) -> None:
    generator = a_generator()
    component = a_component(generator)
    if which == "rejected":
        for _ in range(2):
            opinion_reject(person=a_person(), component=component)
    elif which == "other":
        component = a_named(a_generator("other"))
    elif which == "absent":
        component.delete()
        component.pk = UUID(int=1)
    photo = a_photo_of(a_person(), generator)
    client.force_login(photo.owner)
    answer = client.post(f"/api/v1/photos/{photo.pk}/preview/", {"steps": [_step(component, 1.0)]}, JSON)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "component:not-found")


def test_its_recipe_is_refused_once_it_points_elsewhere(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from directions.studio import previews

    generator, owner = a_generator(), a_person()
    component = a_component(generator)
    people = [a_person() for _ in range(2)]
    for person in people:
        opinion_name(person=person, component=component, change="smile", end="+")
    photo = a_photo_of(owner, generator)
    client.force_login(owner)
    steps = {"steps": [_step(component, 0.5)]}
    document = client.post(f"/api/v1/photos/{photo.pk}/recipes/", steps, JSON).json()["document"]
    assert document["steps"][0]["kind"] == "component"
    picture = previews.Picture(b"picture", "image/png")
    monkeypatch.setattr("directions.studio.recipes.picture_of", lambda **_: picture)
    assert client.post("/api/v1/recipes/replay/", document, JSON).content == b"picture"
    for person in people:
        opinion_name(person=person, component=component, change="smile", end="-")
    refused = client.post("/api/v1/recipes/replay/", document, JSON)
    assert (refused.status_code, refused.json()["error"]["code"]) == (410, "studio:recipe-gone")


def test_the_studios_page_offers_it_apart_and_a_link_moves_it(client: Client) -> None:
    generator, owner = a_generator(), a_person()
    component = a_named(generator, "smile")
    photo = a_photo_of(owner, generator)
    client.force_login(owner)
    query = f"component:{component.pk}=1"
    assert f"/studio/{photo.pk}/?{query}" in client.get(f"/studio/?{query}").content.decode()
    page = client.get(f"/studio/{photo.pk}/", {f"component:{component.pk}": "1"}).content.decode()
    assert "Found by the machine" in page
    slider = page[page.index(f'name="component:{component.pk}"') :][:300]
    assert 'value="1"' in slider
    assert 'data-kind="component"' in slider


def test_its_picture_is_the_librarys_edit(tiny: Generator) -> None:
    import torch

    from directions.inversions.runtime import bundle_for
    from inference import edit, to_uint8

    component = a_named(tiny, "smile", end="-")
    inversion = an_inversion(a_picture(None), tiny)
    resolved = steps_resolve(user=None, generator=tiny, steps=[Step("component", str(component.pk), 0.75)])
    bundle = bundle_for(tiny)
    drawn = edited_pixels(
        bundle=bundle, digest=tiny.digest, inversion=str(inversion.pk), steps=[vars(one) for one in resolved]
    )

    class Turned:
        vector = component_vector(component)
        step = component.step
        digest = tiny.digest

    codes = torch.from_numpy(codes_unpack(inversion.codes or b"", inversion.shape))[None]
    wanted, other = (to_uint8(edit(bundle, codes, [(Turned(), at)]))[0] for at in (0.75, -0.75))
    assert np.array_equal(drawn, wanted)
    assert np.abs(drawn.astype(int) - other).max() > 2, "the other end is another picture"
    assert codes_pack(Turned.vector)[0] != bytes(component.vector)


def test_no_version_ever_holds_it() -> None:
    generator = a_generator()
    component = a_named(generator, "smile")
    a_version(generator, "smile")
    held = [member["direction"] for version in Version.objects.all() for member in version.members]
    assert str(component.pk) not in held


def _step(component: Component, intensity: float, *, upper: bool = False) -> dict[str, Any]:
    key = str(component.pk)
    return {"kind": "component", "id": key.upper() if upper else key, "intensity": intensity}
