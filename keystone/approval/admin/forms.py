"""The forms of decisions, new users, changes and passwords."""

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.auth.password_validation import password_validators_help_texts, validate_password
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminEmailInputWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelect2MultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextareaWidget,
    UnfoldBooleanWidget,
)

from keystone.accounts.editing import SuperuserIsStaff
from keystone.accounts.models import User
from keystone.accounts.transition_rules import APPROVE, REASON_LENGTH, REOPEN, SUSPEND, EndsInThePast, Transition
from keystone.approval.saved_reasons import SavedReason
from keystone.email_address import require_deliverable
from keystone.passwords.rules import MAX_PASSWORD_LENGTH

if TYPE_CHECKING:
    UserForm = forms.ModelForm[User]
else:
    UserForm = forms.ModelForm


NO_REASON = _(
    "You have not given a reason, so the person will not be told why. Give a reason, or press "
    "the button again to continue without one."
)


def searched(field: Any) -> Any:
    """Make a multiple choice a list that is searched by typing."""
    widget = UnfoldAdminSelect2MultipleWidget()
    widget.choices = field.choices
    field.widget, field.help_text = widget, ""
    return field


def _to_come(end: datetime | None) -> datetime | None:
    """Return an end in the future or None; refuse one in the past."""
    if end is not None and end <= timezone.now():
        raise ValidationError(str(EndsInThePast.message), code=EndsInThePast.code)
    return end


class SavedReasonSelect(UnfoldAdminSelectWidget):
    """A list of saved reasons. Each option carries its text, for the script that copies it."""

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> Any:
        option = super().create_option(name, value, *args, **kwargs)
        if hasattr(value, "instance"):
            option["attrs"]["data-text"] = value.instance.text
        return option


class DecisionForm(forms.Form):
    """What an administrator enters for a transition."""

    saved_reason = forms.ModelChoiceField(
        label=_("Saved reason"),
        queryset=SavedReason.objects.none(),
        required=False,
        widget=SavedReasonSelect(attrs={"data-saved-reasons": ""}),
    )
    reason = forms.CharField(
        label=_("Reason"),
        help_text=_("The person will see this."),
        max_length=REASON_LENGTH,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )
    until = forms.SplitDateTimeField(
        label=_("Until (UTC)"),
        help_text=_("Leave empty to suspend indefinitely."),
        required=False,
        widget=UnfoldAdminSplitDateTimeWidget(),
    )
    without_reason = forms.BooleanField(required=False, widget=forms.HiddenInput())
    note = forms.CharField(
        label=_("Internal note"),
        help_text=_("Visible to administrators only; kept in the history."),
        max_length=REASON_LENGTH,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )
    even_unverified = forms.BooleanField(required=False, widget=UnfoldBooleanWidget())
    notify = forms.BooleanField(
        label=_("Notify them by email"), required=False, initial=True, widget=UnfoldBooleanWidget()
    )

    def __init__(
        self,
        *args: Any,
        transition: Transition,
        unverified: int,
        single: bool,
        occasions: Collection[str] = (),
        **kwargs: Any,
    ) -> None:
        """Adapt the form to `move`.

        Args:
            move: the transition to be made.
            unverified: how many of the people have not verified their email address.
            single: whether it is about one person.
            occasions: the names of the transitions whose saved reasons are offered; empty for those of `move`.
        """
        super().__init__(*args, **kwargs)
        self.asks_for_reason, self.asks_again = transition.ends_access and transition is not SUSPEND, False
        saved = (
            SavedReason.objects.filter(occasion__in=["", *(occasions or [transition.name])])
            if transition is not REOPEN
            else ()
        )
        if saved:
            choice = self.fields["saved_reason"]
            choice.queryset = saved  # type: ignore[attr-defined]  # it is a ModelChoiceField
        else:
            del self.fields["saved_reason"]
        if not self.asks_for_reason:
            del self.fields["without_reason"]
        if transition is REOPEN:
            del self.fields["reason"]
        if transition is SUSPEND:
            self.fields["reason"].required = True
        else:
            del self.fields["until"]
        box = self.fields["even_unverified"]
        if transition is not APPROVE or not unverified:
            del self.fields["even_unverified"]
        elif single:
            box.label = _("Approve although the email address is not verified")
            box.required = True
            box.error_messages["required"] = _("Select this to approve somebody whose email address is not verified.")
        else:
            box.label = _("Also approve those whose email address is not verified")
            box.help_text = _("Otherwise they are left as they are.")

    def clean_until(self) -> Any:
        """Refuse an end in the past."""
        return _to_come(self.cleaned_data["until"])

    def clean(self) -> dict[str, Any] | None:
        """Use the saved reason if none was typed; ask once more if there is none at all."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        saved = cleaned.get("saved_reason")
        if saved and not cleaned.get("reason"):
            cleaned["reason"] = saved.text
            self.errors.pop("reason", None)
        if self.asks_for_reason and "reason" in cleaned and not cleaned["reason"] and not cleaned["without_reason"]:
            data: Any = self.data.copy()  # type: ignore[attr-defined]  # a QueryDict, which cannot be changed itself
            data["without_reason"] = "on"
            self.data = data
            self.asks_again = True
            raise ValidationError(NO_REASON, code="without_reason")
        return cleaned


class _PersonForm(UserForm):
    """Form that checks its own rules before the model's, so that one mistake gives one message."""

    def clean(self) -> dict[str, Any] | None:
        """Require superusers to be staff."""
        cleaned: dict[str, Any] | None = super().clean()
        if cleaned and cleaned.get("is_superuser") and not cleaned.get("is_staff"):
            self.add_error("is_staff", SuperuserIsStaff.message)
        return cleaned

    def _post_clean(self) -> None:
        if not self.errors:
            super()._post_clean()  # type: ignore[misc]  # the stubs leave Django's own hook out


class PersonForm(_PersonForm):
    """The names, the end of access and, for superusers, the roles. No form has the status as a field."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "user_permissions" in self.fields:
            self.fields["user_permissions"].keep(self.instance.user_permissions)  # type: ignore[attr-defined]  # its own

    def clean_access_ends_at(self) -> Any:
        """Refuse an end in the past, unless it is unchanged."""
        end = self.cleaned_data["access_ends_at"]
        return _to_come(end) if "access_ends_at" in self.changed_data else end

    class Meta:
        model = User
        fields = ("first_name", "last_name", "access_ends_at", "is_staff", "is_superuser", "groups", "user_permissions")


class NewPersonForm(_PersonForm):
    """An active account created by an administrator."""

    password1 = forms.CharField(
        label=_("Password"),
        help_text=_("Leave empty to let the person choose one: the mail contains a link for that."),
        required=False,
        max_length=MAX_PASSWORD_LENGTH,
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
    )
    notify = forms.BooleanField(
        label=_("Notify them by email"), required=False, initial=True, widget=UnfoldBooleanWidget()
    )

    class Meta:
        model = User
        fields = ("email", "first_name", "last_name", "is_staff", "is_superuser")
        widgets = {"email": UnfoldAdminEmailInputWidget(attrs={"autocomplete": "off"})}

    def clean_email(self) -> str:
        """Refuse an email address that can't receive mail."""
        email: str = self.cleaned_data["email"]
        require_deliverable(email)
        return email

    def clean_password1(self) -> str | None:
        """Return a password that the validators accept, or None."""
        password: str = self.cleaned_data["password1"]
        if not password:
            return None
        about = {name: self.cleaned_data.get(name, "") for name in ("email", "first_name", "last_name")}
        validate_password(password, User(**about))
        return password


class PasswordForm(forms.Form):
    """A new password for somebody else."""

    password1 = forms.CharField(
        label=_("New password"),
        max_length=MAX_PASSWORD_LENGTH,
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
    )
    password2 = forms.CharField(
        label=_("Repeat it"),
        max_length=MAX_PASSWORD_LENGTH,
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        self.user = user
        super().__init__(*args, **kwargs)
        self.fields["password1"].help_text = " ".join(str(text) for text in password_validators_help_texts())

    def clean_password2(self) -> str:
        """Return the repeated password, if it is the same and the validators accept it."""
        first, second = self.cleaned_data.get("password1"), self.cleaned_data["password2"]
        if first and first != second:
            raise ValidationError(_("The two passwords don't match."), code="password_mismatch")
        validate_password(second, self.user)
        return str(second)
