import uuid

from django.contrib.postgres.functions import RandomUUID
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("documents", "0007_own_words_and_attachments")]

    operations = [
        migrations.RemoveField(model_name="collection", name="version"),
        migrations.AddField(
            model_name="collection",
            name="stamp",
            field=models.UUIDField(
                default=uuid.uuid4,
                db_default=RandomUUID(),
                editable=False,
                verbose_name="stamp of its content",
            ),
        ),
        migrations.AlterField(
            model_name="collection",
            name="stamp",
            field=models.UUIDField(default=uuid.uuid4, editable=False, verbose_name="stamp of its content"),
        ),
    ]
