"""The forms of the pages."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from keystone import email_address
from keystone.passwords.rules import MAX_PASSWORD_LENGTH


class AddressForm(forms.Form):
    """The address that a link is asked for."""

    email = forms.CharField(label=_("Email address"), max_length=email_address.MAX_LENGTH)

    def clean_email(self) -> str:
        """Refuse what is no address; whether it has an account is not looked at."""
        value: str = self.cleaned_data["email"]
        email_address.normalize(value)
        return value


class NewPasswordForm(forms.Form):
    """A new password, typed twice. Whether it is a good one is judged by the function that sets it."""

    new_password = forms.CharField(label=_("New password"), max_length=MAX_PASSWORD_LENGTH, strip=False)
    again = forms.CharField(label=_("Repeat the new password"), max_length=MAX_PASSWORD_LENGTH, strip=False)

    def clean(self) -> dict[str, Any] | None:
        """Refuse two that differ."""
        values = super().clean()
        first, second = (self.cleaned_data.get(name) for name in ("new_password", "again"))
        if first and second and first != second:
            # Beside the first one: browsers are given neither back, so both are typed again.
            self.add_error("new_password", _("The two passwords are not the same. Type both again."))
        return values
