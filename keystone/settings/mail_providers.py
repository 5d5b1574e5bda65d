"""The supported mail providers, which anymail implements."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Provider:
    """A mail provider supported by anymail.

    Attributes:
        key_option: the backend's option for the API key.
        tracking: the import path of the webhook's view.
        signing_setting: anymail's setting for the key that signs webhook calls; empty if the provider doesn't sign them
            and they use a name and a password instead.
    """

    key_option: str
    tracking: str
    signing_setting: str = ""


PROVIDERS = {
    "brevo": Provider("api_key", "anymail.webhooks.brevo.BrevoTrackingWebhookView"),
    "mailersend": Provider(
        "api_token",
        "anymail.webhooks.mailersend.MailerSendTrackingWebhookView",
        "MAILERSEND_SIGNING_SECRET",
    ),
    "mailgun": Provider(
        "api_key",
        "anymail.webhooks.mailgun.MailgunTrackingWebhookView",
        "MAILGUN_WEBHOOK_SIGNING_KEY",
    ),
    "postmark": Provider("server_token", "anymail.webhooks.postmark.PostmarkTrackingWebhookView"),
    "resend": Provider("api_key", "anymail.webhooks.resend.ResendTrackingWebhookView"),
    "sparkpost": Provider("api_key", "anymail.webhooks.sparkpost.SparkPostTrackingWebhookView"),
}
