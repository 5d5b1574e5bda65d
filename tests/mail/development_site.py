"""The addresses of a site in the local environment."""

from django.urls import include, path

from keystone.mail.development_urls import LOCAL
from keystone.urls import page_urlpatterns

urlpatterns = [
    path("", include((LOCAL, "development"))),
    path("", include((page_urlpatterns, "pages"))),
]
