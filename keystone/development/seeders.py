"""Seeders of groups and people."""

import random
import secrets
from collections.abc import Iterator
from itertools import cycle, islice
from unittest import mock

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from keystone.accounts import registration
from keystone.accounts.grants import change_grants, group_state, record_group
from keystone.accounts.models import User
from keystone.actors.actor import Actor
from keystone.data.registry import seeder
from keystone.development.made_up import LOCALES, faker
from keystone.development.people import Fate, Sample, mailbox
from keystone.development.scenarios import full_approval, live

# The fates of ten people. The first six cover every status.
FATES = (
    Fate.APPROVED,
    Fate.WAITING,
    Fate.UNVERIFIED,
    Fate.REJECTED,
    Fate.SUSPENDED,
    Fate.DEACTIVATED,
    Fate.APPROVED,
    Fate.WAITING,
    Fate.APPROVED,
    Fate.SUSPENDED_FOR_A_TIME,
)
DOMAINS = ("example.com", "example.net", "example.org", "harbour.test", "northlight.test")
DAYS = 60  # the earliest registration, in days ago
GROUPS_AT_MOST = 2
KINDS = ("Team", "Office", "Board", "Members")


@seeder("groups", description=_("Groups without permissions, named after made-up places."))
def make_groups(*, count: int) -> int:
    """Create groups with unused names."""
    fake, by, made = faker(), Actor.cli(), 0
    while made < count:
        name = f"{fake.city()} {random.choice(KINDS)}"  # noqa: S311 - not used for security
        group, is_new = Group.objects.get_or_create(name=name)
        if not is_new:  # the place is taken
            group, is_new = Group.objects.get_or_create(name=f"{name} {secrets.token_hex(4)}")
        if is_new:
            record_group("group.created", group, by=by, before={}, after=group_state(group))
        made += is_new
    return made


@seeder("people", after=["groups"], description=_("People in every status, some of them in groups. No mail is sent."))
def make_people(*, count: int) -> int:
    """Create people who registered in the last weeks. They have no usable password.

    The `manage.py user set-password` command sets a password for one of them.
    """
    groups, by, now = list(Group.objects.all()), Actor.cli(), timezone.now()
    nobodys = make_password(None)
    # Hashing takes 20 ms, and there would be two hashes per person.
    with full_approval(), mock.patch.object(registration, "make_password", return_value=nobodys):
        for index, sample in enumerate(islice(_samples(), count)):
            user = live(sample, index, password=secrets.token_urlsafe(), by=by, now=now)
            if groups and user.is_active:
                some = random.sample(groups, k=min(len(groups), index % (GROUPS_AT_MOST + 1)))
                change_grants(user, by=by, groups=some, permissions=())
    return count


def _samples() -> Iterator[Sample]:
    """Yield an endless series of samples with unused email addresses."""
    fake = faker()
    for fate in cycle(FATES):
        names = fake[random.choice(LOCALES)]  # noqa: S311 - not used for security
        first, last = names.first_name(), names.last_name()
        domain = random.choice(DOMAINS)  # noqa: S311 - likewise
        # The random number prevents collisions with concurrent registrations.
        address = f"{mailbox(first, last)}.{secrets.token_hex(4)}@{domain}"
        if User.objects.with_email(address).exists():
            continue
        registered = random.uniform(0.5, DAYS)  # noqa: S311 - likewise
        decided = random.uniform(0.01, 0.5) * registered  # noqa: S311 - likewise
        yield Sample(first, last, domain, registered, fate, decided, address)
