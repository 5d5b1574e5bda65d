"""Your mails: each a function that is registered, and a template of the same name. This one is an example."""

from django.utils.translation import gettext_lazy as _

from keystone.accounts.emails.greeting import mail_to
from keystone.accounts.models import User
from keystone.mail.outgoing import Mail
from keystone.mail.registry import email
from project.models import Profile


@email(label=_("Organisation changed"), sample={"name": "Ada", "organisation": "ACME"})
def organisation_changed(user: User) -> Mail | None:
    """Tell a person what their organisation is now. It runs in a worker, and looks at what is true by then.

    None where nobody has proved the email address: the text would be a stranger's message to its owner.
    """
    profile = Profile.objects.filter(user=user).first()
    if profile is None or not profile.organisation or user.email_verified_at is None:
        return None
    return mail_to("organisation_changed", user, organisation=profile.organisation)
