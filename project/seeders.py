"""Your seeders. This one is an example."""

from itertools import cycle

from django.utils.translation import gettext_lazy as _

from keystone.accounts.models import User
from keystone.data.registry import seeder
from keystone.development.made_up import faker
from project.models import Profile


@seeder("profiles", after=["people"], description=_("Profiles with an organisation, of people who have none yet."))
def make_profiles(*, count: int) -> int:
    """Create profiles for at most `count` people who have none."""
    fake = faker()
    names = cycle([fake.company() for _ in range(8)])
    people = User.objects.filter(profile=None, erased_at=None)[:count]
    return len(Profile.objects.bulk_create(Profile(user=user, organisation=next(names)) for user in people))
