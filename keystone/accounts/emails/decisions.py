"""Emails about an administrator's decision.

A mail that was kept back, by a mail server that was down for an hour, is not sent where something else was decided
meanwhile: nobody reads "approved" after "rejected". Each is given `at`, when it was decided (UTC).
"""

from dataclasses import replace

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from keystone.accounts.emails.greeting import mail_as_decided, with_a_way_in
from keystone.accounts.emails.registration import verify_email
from keystone.accounts.emails.samples import AT, LINK, NAME, REASON
from keystone.accounts.models import User
from keystone.mail.outgoing import Mail
from keystone.mail.registry import email


@email(label=_("Approved"), sample={**NAME, **REASON, "link": LINK})
def approved(user: User, *, reason: str = "", at: str = "") -> Mail | None:
    """The decision, with a word of the administrator's where there is one, and how to get in."""
    mail = mail_as_decided("approved", user, at, reason=reason)
    return with_a_way_in(mail, user) if mail is not None else None


@email(label=_("Rejected"), sample={**NAME, **REASON})
def rejected(user: User, *, reason: str = "", at: str = "") -> Mail | None:
    """The decision and its reason."""
    return mail_as_decided("rejected", user, at, reason=reason)


@email(label=_("Rejection taken back"), sample=NAME)
def reopened(user: User, *, at: str = "") -> Mail | None:
    """The registration is decided on anew, once the email address is verified where the flow wants that."""
    mail = mail_as_decided("reopened", user, at)
    if mail is None or not user.flow.verifies_email or user.email_verified_at is not None:
        return mail
    to_verify = verify_email(user)
    return replace(mail, context={**mail.context, **to_verify.context}) if to_verify is not None else None


@email(label=_("Suspended"), sample={**NAME, **REASON, "until": AT})
def suspended(user: User, *, reason: str = "", until: str = "", at: str = "") -> Mail | None:
    """The suspension, its reason and, where it has one, its end."""
    return mail_as_decided("suspended", user, at, reason=reason, until=parse_datetime(until) if until else None)


@email(label=_("Active again"), sample={**NAME, **REASON, "link": LINK})
def reactivated(user: User, *, reason: str = "", at: str = "") -> Mail | None:
    """The account works again."""
    mail = mail_as_decided("reactivated", user, at, reason=reason)
    return with_a_way_in(mail, user) if mail is not None else None


@email(label=_("Deactivated"), sample={**NAME, **REASON})
def deactivated(user: User, *, reason: str = "", at: str = "") -> Mail | None:
    """The account was closed."""
    return mail_as_decided("deactivated", user, at, reason=reason)
