"""The links of mails, as the tests of several modules follow them."""

import re
from datetime import timedelta

from django.core.mail import EmailMessage

from keystone.accounts.models import User
from keystone.accounts.tokens import OneTimeToken, Purpose, digest, mint
from keystone.throttling.models import AttemptWindow, Limit


def token_in(mail: EmailMessage, page: str) -> str:
    """The token of the one link to `page` in the text of a mail."""
    [token] = re.findall(rf"^https?://[\w.:-]+/{page}/([\w-]{{43}})/$", str(mail.body), re.MULTILINE)
    return str(token)


def token_for(user: User, purpose: Purpose, *, email: str = "") -> str:
    """A token as a mail to this person would bring it; about `email`, or about the person's own address."""
    return mint(purpose=purpose, user=user, email=email or user.email, lifetime=timedelta(minutes=30))


def is_usable(token: str) -> bool:
    """Whether nobody has used a token yet, nor ended it."""
    return OneTimeToken.objects.filter(digest=digest(token), used_at__isnull=True).exists()


def wait(time: timedelta) -> None:
    """Let this much time pass since the mails that strangers have caused so far."""
    for row in AttemptWindow.objects.filter(limit=Limit.MAILS):
        row.times = [sent - time for sent in row.times]
        row.save(update_fields=["times"])
