"""Pages of the account: tokens, export, deletion. Where to go afterwards is a setting, no room known here."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from allauth.account.views import EmailView, LoginView
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.core.exceptions import NON_FIELD_ERRORS
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from direction_commons.accounts.services import account_delete, account_export, token_create, token_delete
from direction_commons.api.people import signed_in
from direction_commons.api.throttles import asker, throttle
from direction_commons.errors import UserError, error_headers


@never_cache
@login_required
@require_POST
def token_new(request: HttpRequest) -> HttpResponse:
    """The text of a new token is shown once, in this very answer: nothing readable of it is kept anywhere."""
    try:
        token, text = token_create(
            user=signed_in(request), name=request.POST.get("name", "").strip() or "token"
        )
    except UserError as error:
        if error.status == 400:
            raise
        messages.error(request, f"{error.message} {error.todo}")
        return redirect(settings.PERSON_PAGE)
    return render(
        request, "accounts/token.html", {"token": token, "text": text, "back": settings.PERSON_PAGE}
    )


@login_required
@require_POST
def token_gone(request: HttpRequest, id: UUID) -> HttpResponse:
    token_delete(user=signed_in(request), id=id)
    messages.success(request, "The token is deleted; whatever used it is signed out.")
    return redirect(settings.PERSON_PAGE)


@never_cache
@login_required
@require_GET
def export(request: HttpRequest) -> HttpResponse:
    export = account_export(user=signed_in(request))
    response = JsonResponse(export, json_dumps_params={"indent": 2, "ensure_ascii": False})
    response["Content-Disposition"] = 'attachment; filename="direction-commons-export.json"'
    return response


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest) -> HttpResponse:
    """Asks for the password, then deletes everything that is this person's."""
    if request.method == "GET":
        return render(request, "accounts/delete.html")
    try:
        throttle(scope="password-of-one", who=asker(request))
        account_delete(user=signed_in(request), password=request.POST.get("password", ""))
    except UserError as error:
        response = render(request, "accounts/delete.html", {"error": error}, status=error.status)
        for name, value in error_headers(error).items():
            response[name] = value
        return response
    logout(request)
    messages.success(request, "Your account and everything in it are deleted.")
    return redirect("/")


class SignInView(LoginView):  # type: ignore[misc]  # allauth has no types
    """allauth's sign-in page; when it no longer looks at the password, its status says so, too."""

    def form_invalid(self, form: Any) -> HttpResponse:
        answer: HttpResponse = super().form_invalid(form)
        if form.has_error(NON_FIELD_ERRORS, "too_many_login_attempts"):
            answer.status_code = 429
        return answer


sign_in = SignInView.as_view()


class AddressesView(EmailView):  # type: ignore[misc]  # allauth has no types
    """allauth's page of one's addresses; an address that became another account's is refused in words."""

    def _action_primary(self, request: HttpRequest, *args: Any, **more: Any) -> HttpResponse | None:
        try:
            with transaction.atomic():
                answer: HttpResponse | None = super()._action_primary(request, *args, **more)
                return answer
        except IntegrityError:
            messages.error(request, "This address is another account's. Your own stays as it was.")
            return redirect("account_email")


addresses = login_required(AddressesView.as_view())
