from django.db import migrations, models

KINDS = {"deadly": "crashed", "not_recognised": "no_ocr_text"}


def rename_kinds(apps, schema_editor):
    replace(apps, KINDS)


def restore_kinds(apps, schema_editor):
    replace(apps, {new: old for old, new in KINDS.items()})


def replace(apps, kinds):
    for before, after in kinds.items():
        apps.get_model("documents", "Task").objects.filter(error_kind=before).update(error_kind=after)
        apps.get_model("documents", "Document").objects.filter(failure_kind=before).update(failure_kind=after)


class Migration(migrations.Migration):
    dependencies = [
        ("documents", "0011_table_header_of_a_chunk"),
    ]

    operations = [
        migrations.RenameField("task", "deaths", "crashes"),
        migrations.RenameField("page", "recognised", "ocr_text"),
        migrations.AlterField(
            model_name="task",
            name="start_at",
            field=models.CharField(
                blank=True,
                choices=[("extract", "extract text")],
                help_text="Empty: results that are stored already are reused.",
                max_length=8,
                verbose_name="redo from",
            ),
        ),
        migrations.RunPython(rename_kinds, restore_kinds),
    ]
