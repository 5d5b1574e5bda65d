"""The `SavedReason` model: reasons that administrators use again."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from keystone.accounts.transition_rules import REASON_LENGTH
from keystone.timestamps import TimestampedModel


class Occasion(models.TextChoices):
    """The decision that a saved reason is offered for."""

    ANY = "", _("Every decision")
    APPROVE = "approve", _("Approve")
    REJECT = "reject", _("Reject")
    SUSPEND = "suspend", _("Suspend")
    REACTIVATE = "reactivate", _("Reactivate")
    DEACTIVATE = "deactivate", _("Deactivate")


class SavedReason(TimestampedModel):
    """A reason to choose instead of typing it. It is copied into the decision, so later changes don't affect that."""

    occasion = models.CharField(_("offered for"), max_length=16, choices=Occasion, default=Occasion.ANY, blank=True)
    title = models.CharField(_("title"), max_length=80, unique=True, help_text=_("What the list of reasons shows."))
    text = models.TextField(_("text"), max_length=REASON_LENGTH, help_text=_("The person will see this."))

    class Meta:
        verbose_name = _("saved reason")
        verbose_name_plural = _("saved reasons")
        ordering = ("title",)
        constraints = (
            models.CheckConstraint(condition=models.Q(occasion__in=Occasion.values), name="saved_reason_occasion"),
        )

    def __str__(self) -> str:
        return self.title
