"""Mails of what an administrator decided about an account.

A mail that was kept back, by a mail server that was down for an hour, is not sent where something else was decided
meanwhile: nobody reads "approved" after "rejected". Each is given `at`, when it was decided (UTC).
"""

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from keystone.accounts.emails.greeting import mail_as_decided
from keystone.accounts.emails.links import page
from keystone.accounts.emails.samples import AT, LINK, NAME, REASON
from keystone.accounts.models import User
from keystone.conf import options
from keystone.mail.outgoing import Mail
from keystone.mail.registry import email


@email(label=_("Approved"), sample={**NAME, **REASON, "link": LINK})
def approved(user: User, *, reason: str = "", at: str = "") -> Mail | None:
    """The decision, with a word of the administrator's where there is one."""
    reset_link = "" if user.has_usable_password() else page("reset-password")
    return mail_as_decided("approved", user, at, reason=reason, link=f"{options().link_url}/", reset_link=reset_link)


@email(label=_("Rejected"), sample={**NAME, **REASON})
def rejected(user: User, *, reason: str = "", at: str = "") -> Mail | None:
    """The decision and its reason."""
    return mail_as_decided("rejected", user, at, reason=reason)


@email(label=_("Suspended"), sample={**NAME, **REASON, "until": AT})
def suspended(user: User, *, reason: str = "", until: str = "", at: str = "") -> Mail | None:
    """The suspension, its reason and, where it has one, its end."""
    return mail_as_decided("suspended", user, at, reason=reason, until=parse_datetime(until) if until else None)


@email(label=_("Active again"), sample={**NAME, **REASON, "link": LINK})
def reactivated(user: User, *, reason: str = "", at: str = "") -> Mail | None:
    """The account works again."""
    return mail_as_decided("reactivated", user, at, reason=reason, link=f"{options().link_url}/")


@email(label=_("Deactivated"), sample={**NAME, **REASON})
def deactivated(user: User, *, reason: str = "", at: str = "") -> Mail | None:
    """The account was closed."""
    return mail_as_decided("deactivated", user, at, reason=reason)
