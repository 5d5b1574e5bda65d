"""An importer of groups, for tests that run a command in a process of its own: importing this declares it."""

from django.contrib.auth.models import Group
from import_export.resources import ModelResource

from keystone.data.registry import importer


@importer("trial-groups")
class Groups(ModelResource):  # type: ignore[type-arg]  # at run time it takes no argument
    """Groups by their names."""

    class Meta:
        model = Group
        fields = ("name",)
        import_id_fields = ("name",)
