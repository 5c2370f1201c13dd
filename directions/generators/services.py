"""Writes on generators: registering a bundle, choosing the default.

A generator is its content: the same digest is the same row, another digest is another row, and what was
derived on one never moves to another. Nothing here loads a network (see `bundle_probe`), and nothing here
derives.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.utils.text import slugify

from direction_commons.errors import UserError
from directions.generators.models import Generator
from directions.generators.signals import generator_registered
from inference.embedded import EMBEDDED

log = structlog.get_logger(__name__)


def generator_register(*, location: str) -> Generator:
    """The row of the bundle at `location` (an embedded name or a folder); the newest content there is in use.

    Registering the same content again changes nothing. Other content at a location that is known already
    takes the old one's place: the old generator is set aside (its directions stay downloadable, nothing new
    is derived on it), because its weights are gone from that place. Raises UserError when there is no whole
    bundle.
    """
    folder = bundle_folder(location)
    kept = location if folder != Path(location) else str(folder.resolve())
    manifest = _manifest_sha256(folder)
    known = Generator.objects.filter(location=kept, manifest_sha256=manifest, is_active=True).first()
    if known is not None:
        return known
    facts = _probe(kept)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE generators_generator IN SHARE ROW EXCLUSIVE MODE")
        generator = _registered(facts=facts, location=kept, manifest=manifest)
        replaced = Generator.objects.filter(location=kept, is_active=True).exclude(pk=generator.pk)
        was_default = replaced.filter(is_default=True).exists()
        replaced.update(is_active=False, is_default=False)
        if was_default or not Generator.objects.filter(is_default=True).exists():
            generator.is_default = True
            generator.save(update_fields=["is_default"])
        generator_registered.send(sender=Generator, generator=generator)
    log.info("generator.registered", generator=generator.slug, digest=generator.digest)
    return generator


def generator_make_default(*, generator: Generator) -> None:
    """From now on new pages and API calls that name no generator mean this one."""
    if not generator.is_active:
        raise UserError(
            "generators:inactive", f"{generator.title} is not in use.", "Register its bundle again."
        )
    with transaction.atomic():
        Generator.objects.filter(is_default=True).exclude(pk=generator.pk).update(is_default=False)
        Generator.objects.filter(pk=generator.pk).update(is_default=True)
    generator.is_default = True


def bundle_folder(location: str) -> Path:
    """Where the bundle's files lie: an embedded one in the library, any other at its own path."""
    return EMBEDDED.get(location, Path(location))


def _manifest_sha256(folder: Path) -> str:
    try:
        return hashlib.sha256((folder / "bundle.toml").read_bytes()).hexdigest()
    except OSError as error:
        raise UserError(
            "generators:no-bundle",
            f"There is no readable bundle.toml in {str(folder)!r}; the folder of a bundle, or the name of an "
            "embedded one, is wanted.",
            "Check the path.",
        ) from error


def _probe(location: str) -> dict[str, Any]:
    """What the library says of the bundle, asked in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(settings.ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "directions.generators.bundle_probe", location],
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
        check=False,
    )
    try:
        facts: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError) as error:
        raise RuntimeError(f"the bundle probe ended with {done.returncode}: {done.stderr[-2000:]}") from error
    if "error" in facts:
        refusal = facts["error"]
        raise UserError(f"generators:{refusal['code']}", refusal["message"], refusal["todo"])
    return facts


def _registered(*, facts: dict[str, Any], location: str, manifest: str) -> Generator:
    """The row with this digest, new or brought up to date in what is no part of its identity."""
    metadata = facts["metadata"]
    about = {
        "title": str(metadata.get("title") or facts["name"])[:100],
        "description": str(metadata.get("description") or ""),
        "licence": str(metadata.get("licence") or "")[:100],
        "drawn_world": bool(metadata.get("drawn_world", False)),
        "location": location,
        "manifest_sha256": manifest,
        "is_active": True,
    }
    generator = Generator.objects.filter(digest=facts["digest"]).first()
    if generator is None:
        shape = (
            "digest",
            "family",
            "space",
            "resolution",
            "num_layers",
            "code_dim",
            "thresholds",
            "metric_weights",
        )
        generator = Generator(slug=_free_slug(facts["name"]), **{name: facts[name] for name in shape})
    for name, value in about.items():
        setattr(generator, name, value)
    generator.full_clean()
    generator.save()
    return generator


def _free_slug(name: str) -> str:
    base = slugify(name)[:50] or "generator"
    taken = set(Generator.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    number = 1
    slug = base
    while slug in taken:
        number += 1
        slug = f"{base}-{number}"
    return slug
