"""Ready-made groups: who approves, who supports, who audits. A group of the same name that exists stays as it is."""

from typing import Any, ClassVar

from django.db import migrations

# The permissions are made here, since Django makes those of new models only after all migrations.
NAMES = {
    ("user", "view_user"): "Can view person",
    ("user", "change_user"): "Can change person",
    ("user", "approve_user"): "Can approve and reject people",
    ("user", "suspend_user"): "Can suspend, reactivate and deactivate people",
    ("savedreason", "view_savedreason"): "Can view saved reason",
    ("savedreason", "add_savedreason"): "Can add saved reason",
    ("savedreason", "change_savedreason"): "Can change saved reason",
    ("session", "view_session"): "Can view session",
    ("session", "end_session"): "Can end sessions of others",
    ("attemptwindow", "view_attemptwindow"): "Can view rate limit",
    ("attemptwindow", "reset_attemptwindow"): "Can reset rate limits",
    ("outgoingmail", "view_outgoingmail"): "Can view mail",
    ("outgoingmail", "send_outgoingmail"): "Can send mails again, send test mails and lift suppressions",
    ("suppressedaddress", "view_suppressedaddress"): "Can view suppressed address",
    ("auditevent", "view_auditevent"): "Can view audit event",
    ("auditevent", "export_auditevent"): "Can export the audit log",
    ("datarun", "view_datarun"): "Can view import or script",
    ("scheduledjob", "view_scheduledjob"): "Can view scheduled job",
    ("scheduledrun", "view_scheduledrun"): "Can view job run",
    ("task", "view_task"): "Can view background task",
}
ROLES: dict[str, tuple[str, ...]] = {
    "Approver": ("view_user", "approve_user", "view_savedreason", "add_savedreason", "change_savedreason"),
    "Support": (
        "view_user",
        "change_user",
        "suspend_user",
        "view_session",
        "end_session",
        "view_attemptwindow",
        "reset_attemptwindow",
        "view_outgoingmail",
        "send_outgoingmail",
        "view_suppressedaddress",
    ),
    "Auditor": (
        "view_user",
        "view_group",
        "view_savedreason",
        "view_session",
        "view_attemptwindow",
        "view_outgoingmail",
        "view_suppressedaddress",
        "view_auditevent",
        "export_auditevent",
        "view_datarun",
        "view_scheduledjob",
        "view_scheduledrun",
        "view_task",
    ),
}
GROUPS = {("group", "view_group"): "Can view group"}  # of Django's own app


def make_roles(apps: Any, schema_editor: Any) -> None:
    """Make the groups that are not there yet, with their permissions."""
    alias = schema_editor.connection.alias
    content_types = apps.get_model("contenttypes", "ContentType").objects.using(alias)
    permissions = apps.get_model("auth", "Permission").objects.using(alias)
    found = {}
    for app_label, names in (("keystone", NAMES), ("auth", GROUPS)):
        for (model, codename), name in names.items():
            content_type, _ = content_types.get_or_create(app_label=app_label, model=model)
            found[codename], _ = permissions.get_or_create(
                content_type=content_type, codename=codename, defaults={"name": name}
            )
    for role, codenames in ROLES.items():
        group, is_new = apps.get_model("auth", "Group").objects.using(alias).get_or_create(name=role)
        if is_new:
            group.permissions.set([found[codename] for codename in codenames])


def delete_unused_roles(apps: Any, schema_editor: Any) -> None:
    """Delete those of the groups that are as they were made, and that nobody is in."""
    groups = apps.get_model("auth", "Group").objects.using(schema_editor.connection.alias)
    for group in groups.filter(name__in=ROLES, user=None):
        if set(group.permissions.values_list("codename", flat=True)) == set(ROLES[group.name]):
            group.delete()


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("keystone", "0006_search"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations: ClassVar = [migrations.RunPython(make_roles, delete_unused_roles)]
