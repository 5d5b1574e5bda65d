"""The accounts' background tasks: they take what was asked for, fetch, delegate."""

from keystone.accounts.email_change import mail_email_change_link
from keystone.accounts.password_reset import mail_reset_link
from keystone.accounts.registration import mail_registration
from keystone.background.declaring import task


@task()
def mail_password_reset(*, email: str) -> None:
    """Mail the link to set a new password to whoever has this address."""
    mail_reset_link(email)


@task()
def mail_verification_again(*, email: str) -> None:
    """Mail another verification link to whoever has this address and still needs it."""
    mail_registration(email, None)


@task()
def mail_registration_later(*, email: str, again: bool) -> None:
    """Mail the verification link to whoever registered; or, where they need none, that it was registered `again`."""
    mail_registration(email, "already_registered" if again else None)


@task()
def mail_email_change(*, reserved: str) -> None:
    """Mail the link that confirms a new address, or tell the owner of the address."""
    mail_email_change_link(reserved)
