from django.db import migrations, models

STATES = [
    ("waiting", "waiting"),
    ("fetching", "fetching"),
    ("extracting", "reading"),
    ("ocr", "OCR"),
    ("embedding", "indexing"),
    ("ready", "ready"),
    ("failed", "failed"),
    ("cancelled", "cancelled"),
]
KINDS = [
    ("index", "make searchable"),
    ("summarise", "summarize"),
    ("build", "finish an index"),
    ("ocr", "OCR"),
    ("fetch", "fetch a web page"),
    ("attach", "add attached files"),
]
# model, column, value before, value after
VALUES = [
    ("Document", "state", "recognising", "ocr"),
    ("Document", "failure_kind", "no_room", "quota_exceeded"),
    ("Document", "failure_kind", "pictures_off", "ocr_off"),
    ("Task", "kind", "recognise", "ocr"),
    ("Task", "error_kind", "no_room", "quota_exceeded"),
    ("Task", "error_kind", "pictures_off", "ocr_off"),
    ("Attempt", "stage", "recognise", "ocr"),
]
KEYS = [("recognised_by", "ocr_engine"), ("not_recognised", "ocr_error")]


def rename_values(apps, schema_editor):
    for model, column, before, after in VALUES:
        rows = apps.get_model("documents", model).objects.filter(**{column: before})
        rows.update(**{column: after})


def restore_values(apps, schema_editor):
    for model, column, before, after in VALUES:
        rows = apps.get_model("documents", model).objects.filter(**{column: after})
        rows.update(**{column: before})


def rename_key(before, after):
    return (
        f"update documents_page set report = report - '{before}' || jsonb_build_object('{after}', report->'{before}')"
        f" where report ? '{before}'"
    )


class Migration(migrations.Migration):
    dependencies = [
        ("documents", "0012_crashes_and_ocr_text"),
    ]

    operations = [
        migrations.RenameField("attempt", "took", "duration"),
        migrations.AlterField(
            model_name="attempt",
            name="duration",
            field=models.DurationField(null=True, verbose_name="duration"),
        ),
        migrations.AlterField(
            model_name="document",
            name="state",
            field=models.CharField(
                choices=STATES, db_index=True, default="waiting", max_length=12, verbose_name="state"
            ),
        ),
        migrations.AlterField(
            model_name="task",
            name="kind",
            field=models.CharField(choices=KINDS, max_length=10, verbose_name="kind"),
        ),
        migrations.RunPython(rename_values, restore_values),
        *(
            migrations.RunSQL(rename_key(before, after), rename_key(after, before)) for before, after in KEYS
        ),
    ]
