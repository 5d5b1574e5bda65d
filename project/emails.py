"""Your mails: each is a registered function with a template of the same name. This one is an example."""

from django.utils.translation import gettext_lazy as _

from keystone.accounts.emails.building import mail_to
from keystone.accounts.models import User
from keystone.mail.outgoing import Mail
from keystone.mail.registry import email
from project.models import Profile


@email(label=_("Organisation changed"), sample={"name": "Ada", "organisation": "ACME"})
def organisation_changed(user: User) -> Mail | None:
    """Notify a person of their current organisation. It runs in a worker and reads the current data.

    Return None if the email address is not verified: the text could be a stranger's message to its owner.
    """
    profile = Profile.objects.filter(user=user).first()
    if profile is None or not profile.organisation or user.email_verified_at is None:
        return None
    return mail_to("organisation_changed", user, organisation=profile.organisation)
