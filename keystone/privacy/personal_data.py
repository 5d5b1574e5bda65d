"""Personal data in Django's admin log. Our admin site writes none (see `keystone.admin.guards`), others may have."""

from functools import reduce
from operator import or_
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q

from keystone.personal_data import Erasure, eraser, not_personal

not_personal("admin.LogEntry")


@eraser("admin_log")
def erase_admin_log(user: Any, erasure: Erasure) -> None:
    """Delete the entries by and about the user, and those that contain one of their email addresses."""
    about = Q(content_type=ContentType.objects.get_for_model(user), object_id=str(user.pk))
    texts = [
        Q(**{f"{column}__icontains": address})
        for address in sorted(erasure.addresses)
        for column in ("object_repr", "change_message")
    ]
    LogEntry.objects.filter(reduce(or_, texts, Q(user=user) | about)).delete()
