"""One more limit: how many changes to their own account one person makes."""

from typing import ClassVar

from django.db import migrations, models

LIMITS = ["ip", "address_and_ip", "address", "requests", "code", "changes", "mails"]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("keystone", "0015_browser_sessions")]
    operations: ClassVar = [
        migrations.RemoveConstraint(model_name="attemptwindow", name="attempts_limit_known"),
        migrations.AlterField(
            model_name="attemptwindow",
            name="limit",
            field=models.CharField(
                choices=[
                    ("ip", "IP address"),
                    ("address_and_ip", "Email address and IP address"),
                    ("address", "Email address"),
                    ("requests", "Requests for mails, by IP address"),
                    ("code", "Codes of the second factor"),
                    ("changes", "Changes to one's own account"),
                    ("mails", "Mails to an email address that others asked for"),
                ],
                max_length=20,
                verbose_name="counted by",
            ),
        ),
        migrations.AddConstraint(
            model_name="attemptwindow",
            constraint=models.CheckConstraint(condition=models.Q(("limit__in", LIMITS)), name="attempts_limit_known"),
        ),
    ]
