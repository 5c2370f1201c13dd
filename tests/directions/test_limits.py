"""How much may be asked for: photos of a day, deleted ones too; tries to upload and previews of a minute."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import LazySettings
from django.core.cache import cache
from django.test import Client

from direction_commons.media.models import StoredImage
from directions.studio import views
from directions.studio.api import previews as preview_api
from directions.studio.models import Photo
from directions.studio.previews import Picture
from tests.directions.studio_rows import a_generator, a_person, a_picture, an_upload

pytestmark = pytest.mark.django_db
JSON = "application/json"


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_photos_of_a_day_are_counted_though_they_are_deleted(settings: LazySettings) -> None:
    settings.QUOTA_PHOTOS_A_DAY = 2
    a_generator()
    client = signed_in(a_person())
    for seed in (1, 2):
        sent = client.post("/api/v1/photos/", {"image": an_upload(seed)})
        assert sent.status_code == 201
        assert client.delete(f"/api/v1/photos/{sent.json()['id']}/").status_code == 204
    refused = client.post("/api/v1/photos/", {"image": an_upload(3)})
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "accounts:quota")
    assert 0 < int(refused["Retry-After"]) <= 24 * 3600
    page = client.post("/studio/", {"photo": an_upload(3)})
    assert page.status_code == 429
    assert "2 photos today" in page.content.decode()
    assert (Photo.objects.count(), StoredImage.objects.count()) == (0, 0)
    assert signed_in(a_person()).post("/api/v1/photos/", {"image": an_upload(3)}).status_code == 201


def test_uploads_are_throttled_by_account_in_pages_and_api_together_and_refused_ones_count(
    settings: LazySettings,
) -> None:
    settings.THROTTLES = {**settings.THROTTLES, "uploads": "5/min"}
    a_generator()
    client = signed_in(a_person())
    bad = "this is no picture"
    assert client.post("/api/v1/photos/", {"image": bad}).status_code == 400
    assert client.post("/api/v1/pairs/", {"before": bad, "after": bad, "change": "smile"}).status_code == 400
    assert client.post("/studio/").status_code == 400
    assert client.post("/contribute/", {"change": "smile"}).status_code == 400
    key = {"HTTP_IDEMPOTENCY_KEY": "one"}
    assert client.post("/api/v1/photos/", {"image": an_upload(1)}, **key).status_code == 201
    for address in ("/api/v1/photos/", "/api/v1/pairs/"):
        refused = client.post(address, {"image": an_upload(2)}, **key)
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "request:throttled")
        assert 0 < int(refused["Retry-After"]) <= 60
    for page in (client.post("/studio/", {"photo": an_upload(2)}), client.post("/contribute/")):
        assert (page.status_code, "at most 5 in 60 seconds" in page.content.decode()) == (429, True)
    assert Photo.objects.count() == 1
    other = signed_in(a_person())
    assert other.post("/api/v1/photos/", {"image": an_upload(2)}).status_code == 201


@pytest.fixture
def drawn_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Previews without a worker: this is about how many are asked for."""
    for module in (views, preview_api):
        monkeypatch.setattr(module, "preview", lambda **_: Picture(b"a picture", "image/webp"))


def test_previews_are_throttled_for_each_client_in_pages_and_api_together(
    settings: LazySettings, drawn_at_once: None
) -> None:
    settings.THROTTLES = {**settings.THROTTLES, "previews": "3/min"}
    a_generator()
    photo = Photo.objects.create(owner=None, sample="face", image=a_picture(None, public=True), title="Face")
    page, address = f"/studio/{photo.pk}/preview/", f"/api/v1/photos/{photo.pk}/preview/"
    here = {"REMOTE_ADDR": "10.0.0.1"}

    def asked(where: str, client: Client | None = None, **more: Any) -> Any:
        return (client or Client()).post(where, {"steps": []}, JSON, **{**here, **more})

    assert [asked(page).status_code, asked(address).status_code, asked(page).status_code] == [200] * 3
    for refused in (asked(page), asked(address), asked(f"/api/v1/photos/{photo.pk}/domain/")):
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "request:throttled")
        assert "at most 3 in 60 seconds" in refused.json()["error"]["message"]
        assert 0 < int(refused["Retry-After"]) <= 60
    download = asked(f"/studio/{photo.pk}/download.png")
    assert (download.status_code, "at most 3" in download.content.decode()) == (429, True)
    assert asked(address, REMOTE_ADDR="10.0.0.2").status_code == 200
    assert asked(address, HTTP_X_FORWARDED_FOR="10.9.9.9").status_code == 429, "nobody's proxy is ours"
    mine = signed_in(a_person())
    assert [asked(address, mine).status_code for _ in range(4)] == [200] * 3 + [429], "by account"
    cache.clear()
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": 1}
    codes = [asked(address, HTTP_X_FORWARDED_FOR=f"10.9.9.{n}").status_code for n in range(5)]
    assert codes == [200] * 5, "our own proxy says who it is"
