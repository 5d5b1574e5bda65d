"""Fold local parts of email addresses by case only: `ß@` and `ss@` were one identity, and are two."""

import unicodedata
from typing import Any, ClassVar

from django.db import migrations


def fold_by_case(apps: Any, _schema_editor: Any) -> None:
    """Give the addresses with letters beyond ASCII their identity anew. None can collide: the old ones were coarser."""
    for model in ("User", "OneTimeToken"):
        rows = apps.get_model("keystone", model).objects.filter(email__regex="[^\x01-\x7f]")
        for key, email, before in rows.values_list("pk", "email", "email_normalized").iterator():
            local = email.rpartition("@")[0].lower()
            after = unicodedata.normalize("NFC", local) + before[before.rindex("@") :]
            if after != before:
                rows.model.objects.filter(pk=key).update(email_normalized=after)


class Migration(migrations.Migration):
    dependencies: ClassVar = [("keystone", "0011_mails_per_address")]
    operations: ClassVar = [migrations.RunPython(fold_by_case, migrations.RunPython.noop)]
