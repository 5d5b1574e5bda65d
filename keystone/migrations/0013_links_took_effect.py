from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("keystone", "0012_local_parts"),
    ]

    operations = [
        migrations.AddField(
            model_name="onetimetoken",
            name="took_effect",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
