"""Your addresses. They come before Keystone's, so a path that both have is yours."""

from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = []
