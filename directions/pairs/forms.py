"""What a person fills in to contribute. Pictures are judged by media's intake, names by semantics."""

from __future__ import annotations

from django import forms

from directions.semantics.naming import MAX_LENGTH


class ContributeForm(forms.Form):
    """A before, an after, the name of the change, and whether the pictures may be shown."""

    change = forms.CharField(
        max_length=MAX_LENGTH,
        error_messages={"required": "Say in a word or two what changed, for example “moustache”."},
    )
    before = forms.FileField(error_messages={"required": "Choose the picture before the change."})
    after = forms.FileField(error_messages={"required": "Choose the picture after the change."})
    pictures_public = forms.BooleanField(required=False)


class TrayForm(forms.Form):
    """One ready pair of the tray; its change may be named otherwise."""

    tray = forms.SlugField()
    change = forms.CharField(max_length=MAX_LENGTH, required=False)
    pictures_public = forms.BooleanField(required=False)
