"""The accounts' background tasks: they take what was asked for, fetch, delegate."""

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
def mail_second_registration(*, email: str) -> None:
    """Tell whoever has this address that it was registered once more."""
    mail_registration(email, "already_registered")
