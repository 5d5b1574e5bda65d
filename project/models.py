"""Your models. `Profile` is an example: what your product knows of a person beside their account."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from keystone.timestamps import TimestampedModel


class Profile(TimestampedModel):
    """One per person, made when it is first asked for."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, verbose_name=_("person"), on_delete=models.CASCADE, related_name="profile"
    )
    organisation = models.CharField(_("organisation"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("profile")
        verbose_name_plural = _("profiles")

    def __str__(self) -> str:
        return str(self.user)
