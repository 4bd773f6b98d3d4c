from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("documents", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="version",
            name="report",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="How many pages can be read, and which have which problem.",
                verbose_name="page report",
            ),
        ),
    ]
