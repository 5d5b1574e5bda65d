"""Sample data for previews and tests of emails."""

from datetime import UTC, datetime

from django.utils.translation import gettext_lazy as _

NAME = {"name": "Ada"}
REASON = {"reason": _("This is where the administrator's reason appears.")}
AT = datetime(2026, 12, 24, 18, 30, tzinfo=UTC)
IP_ADDRESS = "192.0.2.7"  # RFC 5737: reserved for documentation
LINK = "https://www.example.com/sample/"
RESET_LINK = "https://www.example.com/reset-password/sample/"
