"""The deployment check for an active superuser."""

from collections.abc import Iterator

from django.core import checks
from django.utils.translation import gettext

from keystone.accounts.models import User
from keystone.database.checks import check_rows


@check_rows
def check_superuser() -> Iterator[checks.CheckMessage]:
    """W070: there is no active superuser."""
    if not User.objects.active_superusers().exists():
        hint = gettext(
            "Run manage.py user create --is-superuser, or set FIRST_SUPERUSER and run manage.py server prestart."
        )
        yield checks.Warning(gettext("There is no active superuser."), hint=hint, id="keystone.W070")
