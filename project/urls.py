"""Your addresses. They come before Keystone's, so a path that both have is yours."""

from django.urls import path

from project.views import ProfileView

urlpatterns = [path("api/profile/", ProfileView.as_view(), name="profile")]
