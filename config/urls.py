"""The site's URLs: the project's first, then Keystone's."""

from django.urls import include, path

urlpatterns = [
    path("", include("project.urls")),
    path("", include("keystone.urls")),
]
handler400 = "keystone.api.errors.bad_request"
handler403 = "keystone.api.errors.permission_denied"
handler404 = "keystone.api.errors.page_not_found"
handler500 = "keystone.api.errors.server_error"
