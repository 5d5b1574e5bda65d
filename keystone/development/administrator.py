"""The development administrator, whose password is in the README."""

from keystone.accounts.models import User
from keystone.accounts.registration import AddressTaken, create_user
from keystone.actors.actor import Actor
from keystone.development.environment import require_local

EMAIL = "admin@example.com"
PASSWORD = "Admin@1234"  # noqa: S105 - known on purpose; `require_local` keeps it away from servers


def ensure_administrator() -> bool:
    """Create the development administrator if it is missing. An existing one isn't changed.

    Returns:
        Whether it can sign in with the password in the README.

    Raises:
        NotLocal: this is not the local environment.
    """
    require_local()
    user: User | None = User.objects.with_email(EMAIL).first()
    if user is None:
        try:
            user = create_user(
                email=EMAIL,
                password=PASSWORD,
                by=Actor.system(),
                first_name="Ada",
                last_name="Admin",
                is_staff=True,
                is_superuser=True,
                email_verified=True,
                notify=False,
            )
        except AddressTaken:  # another process created it first
            return True
    return user.is_active and user.is_superuser and user.check_password(PASSWORD)
