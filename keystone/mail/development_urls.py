"""The URLs of the development pages. There are none outside the local environment."""

from django.conf import settings
from django.urls import path

from keystone.mail import development

app_name = "development"
LOCAL = [
    path("dev/mails/", development.mails, name="mails"),
    path("dev/mails/delete/", development.delete_all, name="delete-mails"),
    path("dev/mails/<str:name>/", development.mail, name="mail"),
    path("dev/mails/<str:name>/html/", development.mail_html, name="mail-html"),
]
urlpatterns = LOCAL if settings.ENVIRONMENT == "local" else []
