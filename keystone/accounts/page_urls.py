"""The addresses of the pages; mails link to them."""

from django.urls import path

from keystone.accounts import pages

app_name = "pages"
urlpatterns = [
    path("", pages.home, name="home"),
    # These words come before the token; no token is as short.
    path("verify-email/done/", pages.email_verified, name="email-verified"),
    path("verify-email/resend/", pages.resend_verification, name="resend-verification"),
    path("verify-email/sent/", pages.verification_resent, name="verification-resent"),
    path("verify-email/<str:token>/", pages.verify_email, name="verify-email"),
]
