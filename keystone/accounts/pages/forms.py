"""The forms of the pages."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from keystone import email_address
from keystone.passwords.rules import MAX_PASSWORD_LENGTH


class AddressForm(forms.Form):
    """The email address that a link is requested for."""

    email = forms.CharField(label=_("Email address"), max_length=email_address.MAX_LENGTH)

    def clean_email(self) -> str:
        """Refuse an invalid email address. Whether it has an account is not checked."""
        value: str = self.cleaned_data["email"]
        email_address.normalize(value)
        return value


class NewPasswordForm(forms.Form):
    """A new password, typed twice. The function that sets it also validates it."""

    new_password = forms.CharField(label=_("New password"), max_length=MAX_PASSWORD_LENGTH, strip=False)
    again = forms.CharField(label=_("Repeat the new password"), max_length=MAX_PASSWORD_LENGTH, strip=False)

    def clean(self) -> dict[str, Any] | None:
        """Refuse two passwords that differ."""
        values = super().clean()
        first, second = (self.cleaned_data.get(name) for name in ("new_password", "again"))
        if first and second and first != second:
            # On the first field: neither value is sent back to the browser, so both are typed again.
            self.add_error("new_password", _("The two passwords don't match. Enter both again."))
        return values
