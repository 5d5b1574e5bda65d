"""The deployment check that superusers have a second factor."""

from collections.abc import Iterator

from django.core import checks
from django.utils.translation import gettext

from keystone.accounts.models import User
from keystone.database.checks import check_rows
from keystone.text.listing import SHOWN, first_few
from keystone.two_factor.models import Authenticator


@check_rows
def check_second_factors() -> Iterator[checks.CheckMessage]:
    """W071: superusers who sign in with a password alone."""
    confirmed = Authenticator.objects.filter(confirmed=True).values("user")
    superusers = User.objects.active_superusers().order_by("email")
    without = list(superusers.exclude(pk__in=confirmed).values_list("email", flat=True)[: SHOWN + 1])
    if without:
        text = gettext("Superusers without a second factor: %(some)s") % {"some": first_few(without)}
        hint = gettext("With TWO_FACTOR_REQUIRED, each sets one up at the next sign-in.")
        yield checks.Warning(text, hint=hint, id="keystone.W071")
