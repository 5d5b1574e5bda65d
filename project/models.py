"""Your models. `Profile` is an example: it holds your product's data about a person, in addition to their account."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from keystone.timestamps import TimestampedModel


class Profile(TimestampedModel):
    """A person's profile, saved when they first change it."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, verbose_name=_("person"), on_delete=models.CASCADE, related_name="profile"
    )
    organisation = models.CharField(_("organisation"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("profile")
        verbose_name_plural = _("profiles")

    def __str__(self) -> str:
        return str(self.user)
