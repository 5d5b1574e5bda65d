"""`user list` and `user show`."""

from enum import StrEnum
from typing import Annotated, Any

from django.core.management.base import CommandError
from django.db.models import F
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django_typer.management import TyperCommand, command
from rest_framework.serializers import ValidationError as InvalidFilter
from typer import Option

from keystone.accounts.api.filters import UserFilter
from keystone.accounts.managers import UserQuerySet
from keystone.accounts.models import User
from keystone.accounts.status import PENDING, ApprovalFlow, Status
from keystone.api.filters import apply_filters, as_query
from keystone.console.moments import in_full, parse_moment
from keystone.console.options import Address, Json
from keystone.console.printing import print_json, print_pairs, print_table
from keystone.console.refusing import refusals_told
from keystone.management.user.addresses import person_of
from keystone.management.user.facts import events_in_words, facts_in_full, facts_in_short, pairs_of, roles_in_words

MOST = 10_000  # maximum number of listed users, which are all held in memory


class Order(StrEnum):
    """The orderings of `user list`."""

    NEWEST = "newest"
    OLDEST = "oldest"
    NAME = "name"
    EMAIL = "email"
    WAITING = "waiting"


ORDERINGS: dict[Order, tuple[Any, ...]] = {
    Order.NEWEST: ("-created_at", "-id"),
    Order.OLDEST: ("created_at", "id"),
    Order.NAME: ("last_name", "id"),
    Order.EMAIL: ("email_normalized",),
    Order.WAITING: (F("awaiting_since").asc(nulls_last=True), "id"),
}


class Reading(TyperCommand):
    """Read-only commands."""

    @command(name="list", help=str(_("List people who match all filters.")))
    def list_people(
        self,
        *,
        status: Annotated[list[Status] | None, Option(help=str(_("With this status; can be repeated.")))] = None,
        pending: Annotated[bool, Option("--pending", help=str(_("Those who can be approved or rejected.")))] = False,
        search: Annotated[
            str | None,
            Option(help=str(_("Every word must be the beginning of a word of the name or the email address."))),
        ] = None,
        staff: Annotated[bool | None, Option(help=str(_("Staff only, or everybody else.")))] = None,
        superuser: Annotated[bool | None, Option(help=str(_("Superusers only, or everybody else.")))] = None,
        verified: Annotated[
            bool | None, Option("--verified/--unverified", help=str(_("With a verified email address, or without.")))
        ] = None,
        flow: Annotated[ApprovalFlow | None, Option(help=str(_("With this approval flow.")))] = None,
        created_after: Annotated[
            str | None, Option(help=str(_("A date, a time (UTC), or how long ago: 7d, 12h, 30m.")))
        ] = None,
        created_before: Annotated[str | None, Option(help=str(_("Like --created-after.")))] = None,
        order: Annotated[Order, Option(help=str(_("The order.")))] = Order.NEWEST,
        limit: Annotated[int, Option(min=1, max=MOST, help=str(_("The maximum number.")))] = 50,
        as_json: Json = False,
    ) -> None:
        """Print users, and how many more match.

        Raises:
            CommandError: a time is invalid, or the search contains no word.
        """
        if pending:
            status = [*(status or []), *PENDING]
        filters = {
            "status": [value.value for value in status or []],
            "approval_flow": flow.value if flow else None,
            "email_verified": verified,
            "is_staff": staff,
            "is_superuser": superuser,
            "created_after": _moment(created_after),
            "created_before": _moment(created_before),
            "search": search,
        }
        with refusals_told():
            chosen = _chosen({name: value for name, value in filters.items() if value not in (None, [])})
            people = list(chosen.order_by(*ORDERINGS[order])[: limit + 1])
            left_out = max(0, chosen.count() - limit) if len(people) > limit else 0
        del people[limit:]
        if as_json:
            print_json(self.stdout, {"people": [facts_in_short(user) for user in people], "left_out": left_out})
            return
        headings = (gettext("Address"), gettext("Name"), gettext("Status"), gettext("Role"), gettext("Created"))
        print_table(self.stdout, (*headings, gettext("Last sign-in")), [_cells(user) for user in people])
        if left_out:
            text = ngettext(
                "%(count)d more is not listed; use --limit to see more.",
                "%(count)d more are not listed; use --limit to see more.",
                left_out,
            )
            self.stderr.write(text % {"count": left_out})

    @command(name="show", help=str(_("Show everything about an account.")))
    def show(self, address: Address, *, as_json: Json = False) -> None:
        """Print a user's status, roles, sign-in, sessions, queued mails and last events.

        Raises:
            CommandError: there is no such user.
        """
        with refusals_told():
            user = person_of(address)
            facts = facts_in_full(user)
        if as_json:
            print_json(self.stdout, facts)
            return
        print_pairs(self.stdout, pairs_of(user, facts))
        self._section(
            gettext("Open sessions"),
            (gettext("Device"), gettext("From"), gettext("Signed in"), gettext("Last used")),
            [
                [item["device"], item["ip_address"], in_full(item["created_at"]), in_full(item["last_used_at"])]
                for item in facts["sessions"]
            ],
        )
        self._section(
            gettext("Queued mails"),
            (gettext("Mail"), gettext("Since"), gettext("Attempts"), gettext("Next attempt"), gettext("Last error")),
            [
                [
                    item["template"],
                    in_full(item["created_at"]),
                    item["attempts"],
                    in_full(item["next_attempt_at"]),
                    item["last_error"],
                ]
                for item in facts["mails_waiting"]
            ],
        )
        self._section(
            gettext("Latest events"),
            (gettext("When"), gettext("What"), gettext("Who"), gettext("Reason and note")),
            events_in_words(facts),
        )

    def _section(self, title: str, headings: tuple[str, ...], rows: list[list[Any]]) -> None:
        if rows:
            self.stdout.write(f"\n{title}")
            print_table(self.stdout, headings, rows)


def _chosen(filters: dict[str, Any]) -> UserQuerySet:
    try:
        chosen: UserQuerySet = apply_filters(UserFilter, as_query(filters), User.objects.all())  # type: ignore[assignment]  # same type
    except InvalidFilter as error:
        detail: Any = error.detail  # by filter name
        reasons = [f"--{name.replace('_', '-')}: {said[0]}" for name, said in detail.items()]
        raise CommandError(" ".join(reasons)) from None
    return chosen


def _moment(text: str | None) -> str | None:
    with refusals_told():
        return None if text is None else parse_moment(text, length="ago").isoformat()


def _cells(user: User) -> list[str | None]:
    name = f"{user.first_name} {user.last_name}".strip()
    role = roles_in_words(user) if user.is_staff else None
    return [user.email, name, user.get_status_display(), role, in_full(user.created_at), in_full(user.last_login)]
