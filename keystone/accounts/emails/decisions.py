"""Emails about an administrator's decision.

An email that was delayed, for example because a mail server was down for an hour, is not sent if something else was
decided in the meantime: nobody reads "approved" after "rejected". Each function takes `at`, the time of the decision
(UTC).
"""

from dataclasses import replace

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from keystone.accounts.emails.building import mail_as_decided, with_a_way_in
from keystone.accounts.emails.registration import verify_email
from keystone.accounts.emails.samples import AT, LINK, NAME, REASON
from keystone.accounts.models import User
from keystone.mail.outgoing import Mail
from keystone.mail.registry import email


@email(label=_("Approved"), sample={**NAME, **REASON, "link": LINK})
def approved(user: User, *, reason: str = "", at: str = "") -> Mail | None:
    """Return the email about an approval, with the administrator's message, if any, and how to sign in."""
    mail = mail_as_decided("approved", user, at, reason=reason)
    return with_a_way_in(mail, user) if mail is not None else None


@email(label=_("Rejected"), sample={**NAME, **REASON})
def rejected(user: User, *, reason: str = "", at: str = "") -> Mail | None:
    """Return the email about a rejection, with its reason."""
    return mail_as_decided("rejected", user, at, reason=reason)


@email(label=_("Rejection withdrawn"), sample=NAME)
def reopened(user: User, *, at: str = "") -> Mail | None:
    """Return the email that a rejection was taken back, with a verification link if the flow requires one."""
    mail = mail_as_decided("reopened", user, at)
    if mail is None or not user.flow.verifies_email or user.email_verified_at is not None:
        return mail
    to_verify = verify_email(user)
    return replace(mail, context={**mail.context, **to_verify.context}) if to_verify is not None else None


@email(label=_("Suspended"), sample={**NAME, **REASON, "until": AT})
def suspended(user: User, *, reason: str = "", until: str = "", at: str = "") -> Mail | None:
    """Return the email about a suspension, with its reason and its end, if any."""
    return mail_as_decided("suspended", user, at, reason=reason, until=parse_datetime(until) if until else None)


@email(label=_("Active again"), sample={**NAME, **REASON, "link": LINK})
def reactivated(user: User, *, reason: str = "", at: str = "") -> Mail | None:
    """Return the email that the account works again, and how to sign in."""
    mail = mail_as_decided("reactivated", user, at, reason=reason)
    return with_a_way_in(mail, user) if mail is not None else None


@email(label=_("Deactivated"), sample={**NAME, **REASON})
def deactivated(user: User, *, reason: str = "", at: str = "") -> Mail | None:
    """Return the email that the account was deactivated, with the reason, if any."""
    return mail_as_decided("deactivated", user, at, reason=reason)
