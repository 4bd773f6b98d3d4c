import django.db.models.deletion
from django.db import migrations, models

# As far as it is known: of documents that are gone nobody can say in which collection they were.
FILL = """
update qa_citation c set collection_id = d.collection_id from documents_document d where d.id = c.document_id;
update qa_question q set draws_on = found.pairs from (
    select question_id, jsonb_agg(distinct jsonb_build_array(document_id, collection_id)) as pairs
    from qa_citation where document_id is not null group by question_id
) found where found.question_id = q.id;
"""


class Migration(migrations.Migration):
    dependencies = [("documents", "0008_stamp_of_a_collection"), ("qa", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="citation",
            name="collection",
            field=models.ForeignKey(
                blank=True,
                help_text="The document's collection: its members may read the excerpt after the document is deleted.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="documents.collection",
            ),
        ),
        migrations.AddField(
            model_name="question",
            name="draws_on",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text="Document and collection of each chunk that the answer draws on.",
                verbose_name="origins",
            ),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
