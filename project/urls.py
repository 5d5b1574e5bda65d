"""Your URLs. They come before Keystone's, so that yours take precedence."""

from django.urls import path

from project.views import ProfileView

urlpatterns = [path("api/profile/", ProfileView.as_view(), name="profile")]
