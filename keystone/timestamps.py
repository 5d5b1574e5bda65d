"""`TimestampedModel`: when a row was created and last changed, in UTC."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class TimestampedModel(models.Model):
    """An abstract model with `created_at` and `updated_at`, both UTC and indexed. The database sets `created_at`."""

    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False, db_index=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True, editable=False, db_index=True)

    class Meta:
        abstract = True
