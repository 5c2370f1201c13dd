"""Accounts over the API: sign up, tokens, me."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import permissions, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from direction_commons.accounts import services
from direction_commons.accounts.models import ApiToken, User
from direction_commons.api.people import signed_in
from direction_commons.api.throttles import asker, client_of, throttle
from direction_commons.errors import NotFound


class SignUpIn(serializers.Serializer[Any]):
    username = serializers.CharField(max_length=150)
    email = serializers.EmailField()
    password = serializers.CharField(write_only=True, trim_whitespace=False)
    token_name = serializers.CharField(max_length=80, default="API")


class TokenIn(serializers.Serializer[Any]):
    login = serializers.CharField(help_text="user name or e-mail address")
    password = serializers.CharField(write_only=True, trim_whitespace=False)
    name = serializers.CharField(max_length=80, default="API")


class PasswordIn(serializers.Serializer[Any]):
    password = serializers.CharField(write_only=True, trim_whitespace=False)


class TokenOut(serializers.ModelSerializer[ApiToken]):
    class Meta:
        model = ApiToken
        fields = ["id", "name", "prefix", "created_at", "last_used_at"]
        read_only_fields = fields


class MeOut(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields = ["id", "username", "email", "date_joined"]
        read_only_fields = fields


class NewTokenOut(TokenOut):
    token = serializers.CharField(help_text="shown this once")
    user = MeOut()

    class Meta(TokenOut.Meta):
        fields = [*TokenOut.Meta.fields, "token", "user"]


def _new_token(token: ApiToken, text: str) -> dict[str, Any]:
    return {**TokenOut(token).data, "token": text, "user": MeOut(token.user).data}


def _checked(serializer: serializers.Serializer[Any]) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    data: dict[str, Any] = serializer.validated_data
    return data


class AccountsView(APIView):
    """Sign up; the answer has a first token."""

    permission_classes = [permissions.AllowAny]
    authentication_classes = ()

    @extend_schema(request=SignUpIn, responses={201: NewTokenOut})
    def post(self, request: Request) -> Response:
        throttle(scope="sign-up", who=client_of(request))
        data = _checked(SignUpIn(data=request.data))
        user = services.person_create(
            username=data["username"], email=data["email"], password=data["password"]
        )
        token, text = services.token_create(user=user, name=data["token_name"])
        return Response(_new_token(token, text), status=status.HTTP_201_CREATED)


class TokensView(APIView):
    """My tokens; a new one for name (or e-mail) and password."""

    def get_permissions(self) -> Any:
        kind = permissions.AllowAny if self.request.method == "POST" else permissions.IsAuthenticated
        return [kind()]

    @extend_schema(responses=TokenOut(many=True))
    def get(self, request: Request) -> Response:
        return Response(TokenOut(signed_in(request).api_tokens.order_by("-created_at"), many=True).data)

    @extend_schema(request=TokenIn, responses={201: NewTokenOut})
    def post(self, request: Request) -> Response:
        throttle(scope="password", who=client_of(request))
        data = _checked(TokenIn(data=request.data))
        # As the door itself reads it: without spaces around it, and as PostgreSQL compares (UPPER).
        throttle(scope="password-of-one", who=data["login"].strip().upper())
        user = services.password_check(
            request=request._request, login=data["login"], password=data["password"]
        )
        token, text = services.token_create(user=user, name=data["name"])
        return Response(_new_token(token, text), status=status.HTTP_201_CREATED)


class TokenView(APIView):
    """One of my tokens; a deleted one opens nothing any more."""

    permission_classes = [permissions.IsAuthenticated]

    @extend_schema(responses=TokenOut)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        token = signed_in(request).api_tokens.filter(pk=id).first()
        if token is None:
            raise NotFound("token")
        return Response(TokenOut(token).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, id: uuid.UUID) -> Response:
        services.token_delete(user=signed_in(request), id=id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class MeView(APIView):
    """Me; deletion of the account asks for the password."""

    permission_classes = [permissions.IsAuthenticated]

    @extend_schema(responses=MeOut)
    def get(self, request: Request) -> Response:
        return Response(MeOut(signed_in(request)).data)

    @extend_schema(request=PasswordIn, responses={204: None})
    def delete(self, request: Request) -> Response:
        throttle(scope="password-of-one", who=asker(request))
        data = _checked(PasswordIn(data=request.data))
        services.account_delete(user=signed_in(request), password=data["password"])
        return Response(status=status.HTTP_204_NO_CONTENT)


class ExportView(APIView):
    """Everything that the commons holds on me."""

    permission_classes = [permissions.IsAuthenticated]

    @extend_schema(responses={200: dict[str, Any]})
    def get(self, request: Request) -> Response:
        return Response(services.account_export(user=signed_in(request)))
