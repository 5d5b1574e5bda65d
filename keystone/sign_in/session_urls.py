"""The browsable API's sign-in, under the names that DRF's templates look up."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from keystone.sign_in.in_browser import CodeView, SignInView

app_name = "rest_framework"
urlpatterns = [
    path("login/", SignInView.as_view(), name="login"),
    path("login/code/", CodeView.as_view(), name="login-code"),
    path("logout/", LogoutView.as_view(), name="logout"),
]
