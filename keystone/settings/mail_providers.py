"""The supported mail providers. The code for each is anymail's."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Provider:
    """A provider, as anymail knows it.

    Attributes:
        key_option: the backend's option that takes its API key.
        tracking: the path of the view that its webhook calls.
        signing_setting: anymail's name for the key that it signs its calls with; empty where it signs nothing, and its
            calls carry a name and a password instead.
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
