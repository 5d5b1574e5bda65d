"""The addresses of the pages; mails link to them."""

from django.urls import path

from keystone.accounts.pages import email_change, home, notices, password_reset, verification

app_name = "pages"
urlpatterns = [
    path("", home.home, name="home"),
    # In each group the words come before the token; no token is as short.
    path("verify-email/done/", verification.email_verified, name="email-verified"),
    path("verify-email/resend/", verification.resend_verification, name="resend-verification"),
    path("verify-email/sent/", verification.verification_resent, name="verification-resent"),
    path("verify-email/<str:token>/", verification.verify_email, name="verify-email"),
    path("reset-password/", password_reset.ask, name="ask-password-reset"),
    path("reset-password/sent/", password_reset.sent, name="password-reset-sent"),
    path("reset-password/done/", password_reset.done, name="password-reset-done"),
    path("reset-password/<str:token>/", password_reset.reset, name="reset-password"),
    path("confirm-email/done/", email_change.confirmed, name="email-confirmed"),
    path("confirm-email/<str:token>/", email_change.confirm, name="confirm-email"),
    path("revert-email/done/", email_change.reverted, name="email-reverted"),
    path("revert-email/<str:token>/", email_change.revert, name="revert-email"),
    path("unsubscribe/<str:token>/", notices.unsubscribe, name="unsubscribe"),
]
