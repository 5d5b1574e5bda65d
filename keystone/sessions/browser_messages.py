"""Django's messages, in a cookie with the project's prefix."""

from typing import Any

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage
from django.http import HttpRequest


class NamedCookieStorage(CookieStorage):
    """Django's cookie storage with the project's prefix, since Django names the cookie `messages` in every project."""

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        self.cookie_name = settings.SESSION_COOKIE_NAME.removesuffix("sessionid") + "messages"


class MessageStorage(FallbackStorage):
    """Django's default storage: the cookie, and the session for messages that do not fit."""

    storage_classes = (NamedCookieStorage, SessionStorage)
