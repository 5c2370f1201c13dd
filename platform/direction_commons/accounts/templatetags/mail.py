"""Where mail goes: pages that promise one say so when this instance has no mail server."""

from __future__ import annotations

from django import template
from django.conf import settings

register = template.Library()


@register.simple_tag
def mail_goes_to_log() -> bool:
    """Whether mails are only printed, and so end in the log of the web process."""
    return str(settings.EMAIL_BACKEND).endswith("console.EmailBackend")
