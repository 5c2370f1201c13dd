from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "direction_commons.accounts"
    label = "accounts"
    default_auto_field = "django.db.models.BigAutoField"
