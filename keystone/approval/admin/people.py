"""The admin of users. No form has the status as a field."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import ActionLocation
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from keystone.accounts.authority import ROLES, lock_superusers_among, refusal_to_touch
from keystone.accounts.editing import NAMES, change_user
from keystone.accounts.export import record_people_export, stream_people_csv
from keystone.accounts.grants import change_grants
from keystone.accounts.models import User
from keystone.accounts.registration import create_user
from keystone.accounts.selection import keys
from keystone.accounts.transition_rules import TRANSITIONS
from keystone.actors.acting import lock_accounts
from keystone.actors.actor import Actor
from keystone.admin.cells import NONE, address_cell, in_full, labelled, name_cell, on_day
from keystone.admin.export import CsvExportMixin
from keystone.admin.guards import acting
from keystone.admin.model_admin import DayRangeFilter, KeystoneModelAdmin
from keystone.approval.admin.decisions import DecisionsMixin, selected
from keystone.approval.admin.filters import FlowFilter, StaffFilter, StatusFilter, VerifiedFilter
from keystone.approval.admin.forms import NewPersonForm, PersonForm, searched
from keystone.approval.admin.pages import PersonPagesMixin
from keystone.approval.admin.passwords import PasswordMixin
from keystone.approval.admin.permissions import PermissionsField
from keystone.approval.admin.person_cells import PersonCells
from keystone.approval.admin.second_factor import SecondFactorMixin
from keystone.exceptions import Refusal
from keystone.privacy.admin import PersonalDataMixin
from keystone.text import EMPTY

GRANTS = ("groups", "user_permissions")
STANDING = ("status_label_text", "since", "reason_given", "until", "access_ends_at", "flow", "decided")
FACTS = (
    "address_verified",
    "reason_given",
    "until",
    "flow",
    "since",
    "decided",
    "rejections",
    "created",
    "seen",
    "second_factor",
)


@admin.register(User)
class PersonAdmin(
    PersonCells,
    CsvExportMixin,
    PasswordMixin,
    SecondFactorMixin,
    PersonalDataMixin,
    PersonPagesMixin,
    DecisionsMixin,
    KeystoneModelAdmin,
):
    """The admin of people: the list, and the page of a person."""

    form = PersonForm
    change_form_template = "keystone/admin/person.html"
    list_display = ("person", "status_label", "flow", "verified", "staff", "created")
    list_filter = (
        StatusFilter,
        FlowFilter,
        VerifiedFilter,
        StaffFilter,
        ("created_at", DayRangeFilter),
        ("decided_at", DayRangeFilter),
    )
    ordering = ("-created_at", "-id")
    sortable_by = ("created",)
    actions = tuple(f"{name}_selected" for name in TRANSITIONS)
    export_permission = "keystone.export_user"
    export_name = "people.csv"
    warn_unsaved_form = True
    # unfold shows a hyphen where nothing is granted.
    readonly_preprocess_fields = dict.fromkeys(GRANTS, lambda granted: granted or EMPTY)

    # -- the list ------------------------------------------------------------------------------------------------

    @display(description=_("person"))
    def person(self, user: User) -> SafeString:
        """Return the name with the email address below it."""
        name = f"{user.first_name} {user.last_name}".strip() or EMPTY
        return format_html(
            '<span class="k-name">{}</span><span class="k-second">{}</span>',
            name_cell(name),
            address_cell(user.email),
        )

    @display(description=_("approval flow"))
    def flow(self, user: User) -> SafeString:
        # In an element, since unfold takes the bare word "None" for no value.
        return format_html("<span>{}</span>", user.get_approval_flow_display())

    @display(description=_("role"))
    def staff(self, user: User) -> SafeString | str:
        if user.is_superuser:
            return str(_("Superuser"))
        return str(_("Staff")) if user.is_staff else NONE

    @display(description=_("created (UTC)"), ordering="created_at")
    def created(self, user: User) -> SafeString:
        return labelled(_("created"), on_day(user.created_at))

    def get_actions(
        self, request: HttpRequest, action_location: ActionLocation = ActionLocation.CHANGE_LIST
    ) -> dict[str, Any]:
        """Return the bulk actions that the viewer may use."""
        actions: dict[str, Any] = super().get_actions(request, action_location)
        barred = {f"{name}_selected" for name, transition in TRANSITIONS.items() if not self.may(request, transition)}
        return {name: value for name, value in actions.items() if name not in barred}

    approve_selected = selected(TRANSITIONS["approve"], _("Approve…"))
    reject_selected = selected(TRANSITIONS["reject"], _("Reject…"))
    reopen_selected = selected(TRANSITIONS["reopen"], _("Withdraw the rejection…"))
    suspend_selected = selected(TRANSITIONS["suspend"], _("Suspend…"))
    reactivate_selected = selected(TRANSITIONS["reactivate"], _("Reactivate…"))
    deactivate_selected = selected(TRANSITIONS["deactivate"], _("Deactivate…"))

    def export_lines(self, queryset: QuerySet[User]) -> Iterator[str]:
        return stream_people_csv(queryset)

    def record_export(self, *, by: Actor, filters: str) -> None:
        record_people_export(by=by, filters=filters)

    # -- who may what --------------------------------------------------------------------------------------------

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Return whether the viewer may change people, or this person.

        Only superusers change staff and superusers; nobody changes an erased account.
        """
        if not super().has_change_permission(request, obj) or (obj is not None and obj.erased_at is not None):
            return False
        return obj is None or not (obj.is_staff or obj.is_superuser) or bool(request.user.is_superuser)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """Return the fields that the viewer may not edit.

        The names are editable, the end of access unless it is one's own, and the roles for superusers, also except
        their own.
        """
        if obj is None:
            return ()
        fields = ("address_cell", "status_label_text", "erased_at", *FACTS)
        end = () if obj.pk != request.user.pk else ("access_ends_at",)
        roles = () if _gives_roles(request, obj) else (*ROLES, *GRANTS)
        return (*fields, *end, *roles)

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> list[Any]:
        """Return the sections of the page. Only superusers see a person's groups and permissions."""
        superuser = bool(request.user.is_superuser)
        if obj is None:
            parts: list[Any] = [
                (None, {"fields": ("email", *NAMES)}),
                (_("Sign-in"), {"fields": ("password1", "notify")}),
            ]
            return [*parts, (_("Roles"), {"fields": ROLES})] if superuser else parts
        parts = [
            (_("Person"), {"fields": (*NAMES, "address_cell", "address_verified")}),
            (
                _("Status"),
                {"fields": STANDING},
            ),
            (_("Dates"), {"fields": ("created", "seen", *(("erased_at",) if obj.erased_at else ()))}),
            (_("Sign-in"), {"fields": ("second_factor",)}),
        ]
        roles = (*ROLES, *GRANTS) if superuser else ROLES
        return [*parts, (_("Roles"), {"fields": roles})]

    def get_form(self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002 - Django's
        """Return the form for a new person or an existing one."""
        if obj is None:
            kwargs["form"] = NewPersonForm
        return super().get_form(request, obj, change, **kwargs)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Return searchable lists for groups and permissions, without links to other forms."""
        if db_field.name == "user_permissions":
            return searched(PermissionsField(label=_("Permissions of their own")))
        field: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
        return searched(field) if db_field.name in GRANTS else field

    # -- the page of a person ------------------------------------------------------------------------------------

    def lock_for_edit(self, request: HttpRequest, object_id: str | None) -> None:
        """Lock the person and the account that acts, in one order.

        A new person's password is hashed before any lock.
        """
        if object_id is not None:
            ids = keys([unquote(object_id)])
            lock_superusers_among(ids)
            lock_accounts(ids, by=acting(request))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the page with the person's tabs and transitions. If a rule refuses a change, show why."""
        context = dict(extra_context or {})
        user = None
        if object_id is not None:
            user = User.objects.filter(pk__in=keys([unquote(object_id)])).first()
        if user is not None and self.has_view_permission(request, user):
            context |= {
                "undo": self.undo_offer(request),
                "tabs": self.tabs(request, user, "change"),
                "transitions": self.offered(request, user),
                "sets_password": _gives_roles(request, user),
                "removes_second_factor": self.removes_second_factor(request, user),
                "show_save_and_add_another": False,
            }
        try:
            return super().changeform_view(request, object_id, form_url, context)
        except Refusal as refusal:
            messages.error(request, refusal.detail)
            return HttpResponseRedirect(request.get_full_path())

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:  # noqa: FBT001 - Django's
        """Create the account or change it, through `create_user` and `change_user`."""
        by = acting(request, "keystone.change_user" if change else "keystone.add_user")
        given = form.cleaned_data
        values = {name: given[name] for name in (*NAMES, *ROLES) if name in given}
        if change:
            if "access_ends_at" in given:
                values["access_ends_at"] = given["access_ends_at"]
            change_user(obj, by=by, **values)
        else:
            made = create_user(
                email=given["email"], password=given["password1"], notify=given["notify"], by=by, **values
            )
            obj.__dict__.update(made.__dict__)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:  # noqa: FBT001 - Django's
        """Save the groups and permissions, if the form has them."""
        given = {name.removeprefix("user_"): form.cleaned_data[name] for name in GRANTS if name in form.cleaned_data}
        if change and given:
            change_grants(form.instance, by=acting(request), **given)

    def _way_back(self, request: HttpRequest, user: User) -> str:
        return self.page_url(request, "change", user.pk)

    @display(description=_("email address"))
    def address_cell(self, user: User) -> SafeString:
        return address_cell(user.email)

    @display(description=_("email verified"))
    def address_verified(self, user: User) -> str:
        return in_full(user.email_verified_at) if user.email_verified_at else str(_("not verified"))

    @display(description=_("status"))
    def status_label_text(self, user: User) -> str:
        return user.get_status_display()

    @display(description=_("in this status since"))
    def since(self, user: User) -> str:
        return in_full(user.status_changed_at)

    @display(description=_("reason given"))
    def reason_given(self, user: User) -> str:
        return user.status_reason or EMPTY

    @display(description=_("suspended until"))
    def until(self, user: User) -> str:
        return in_full(user.suspended_until)

    @display(description=_("last decision"))
    def decided(self, user: User) -> str:
        """Return when somebody last approved or rejected the person."""
        return in_full(user.decided_at)

    @display(description=_("last sign-in"))
    def seen(self, user: User) -> str:
        """Return when the person last signed in, here or through the API."""
        return in_full(user.last_login)


def _gives_roles(request: HttpRequest, user: User) -> bool:
    """Return whether the viewer is a superuser and this is another person."""
    return bool(request.user.is_superuser) and refusal_to_touch(user, by=acting(request)) is None
