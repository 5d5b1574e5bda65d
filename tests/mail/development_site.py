"""The addresses of a site in the local environment."""

from django.urls import include, path

from keystone.mail.development_urls import LOCAL

urlpatterns = [
    path("", include((LOCAL, "development"))),
    path("", include("keystone.accounts.page_urls")),
]
