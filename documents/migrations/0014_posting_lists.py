import django.db.models.deletion
from django.db import connection, migrations, models

MAX_CHUNKS = 10_000  # of a segment

# A row for each lexeme of each chunk becomes a row for each lexeme of thousands of chunks.
FILL = """
insert into documents_posting (segment_id, lexeme, entries)
select %s, old.lexeme collate "C", string_agg(
    int8send((v.id::bigint << 32) | c.position) || int2send(least(c.tokens, 32767)::int2) || int2send(old.tf), ''
)
from documents_indexedversion v
join documents_chunk c on c.version_id = v.version_id and c.index_id = v.index_id
join documents_posting_before old on old.chunk_id = c.id
where v.segment_id = %s
group by 2 order by 2
"""
RESTORE = """
insert into documents_posting_before (index_id, lexeme, chunk_id, tf)
select c.index_id, entries.lexeme, c.id, get_byte(entry, 10) * 256 + get_byte(entry, 11)
from (
    select p.lexeme, substring(p.entries from n for 12) as entry
    from documents_posting p, generate_series(1, octet_length(p.entries), 12) n where p.segment_id = %s
) entries
join documents_indexedversion v on v.id = ('x' || encode(substring(entry for 4), 'hex'))::bit(32)::int
join documents_chunk c on c.version_id = v.version_id and c.index_id = v.index_id
    and c.position = ('x' || encode(substring(entry from 5 for 4), 'hex'))::bit(32)::int
"""
SEGMENTS_OF = """
with versions as (
    select version_id, count(*) as chunks from documents_chunk where index_id = %s group by version_id
)
select version_id, chunks, div(sum(chunks) over (order by version_id) - 1, %s)::int from versions
order by version_id
"""
# Uncompressed: decompressing a list takes longer than reading it.
TRIGGERS = """
alter table documents_posting alter column entries set storage external;
create function documents_delete_empty_segments() returns trigger language plpgsql as $$
begin
    delete from documents_segment segment where id in (select segment_id from deleted)
        and not exists (select from documents_indexedversion where segment_id = segment.id);
    return null;
end $$;
create trigger documents_delete_empty_segments after delete on documents_indexedversion
    referencing old table as deleted for each statement execute function documents_delete_empty_segments();
create function documents_delete_postings() returns trigger language plpgsql as $$
begin
    delete from documents_posting where segment_id in (select id from deleted);
    return null;
end $$;
create trigger documents_delete_postings after delete on documents_segment
    referencing old table as deleted for each statement execute function documents_delete_postings();
"""
DROP_TRIGGERS = """
drop trigger documents_delete_empty_segments on documents_indexedversion;
drop trigger documents_delete_postings on documents_segment;
drop function documents_delete_empty_segments();
drop function documents_delete_postings();
"""
RENAME = """
alter table documents_posting rename to documents_posting_before;
alter index documents_posting_pkey rename to documents_posting_before_pkey;
"""
RENAME_BACK = """
alter table documents_posting_before rename to documents_posting;
alter index documents_posting_before_pkey rename to documents_posting_pkey;
"""
CREATE_BEFORE = """
create table documents_posting_before (
    index_id bigint not null, lexeme text not null, tf smallint not null check (tf >= 0), chunk_id bigint not null
        constraint posting_of_chunk references documents_chunk (id) on delete cascade deferrable initially deferred,
    constraint documents_posting_before_pkey primary key (index_id, lexeme, chunk_id)
);
create index documents_posting_chunk_id on documents_posting_before (chunk_id);
"""


def fill(apps, schema_editor):
    """Segment by segment, so that no more than one of them is in memory."""
    tables = apps.get_model("documents", "Segment"), apps.get_model("documents", "IndexedVersion")
    with connection.cursor() as cursor:
        for index in apps.get_model("documents", "Index").objects.order_by("pk").values_list("pk", flat=True):
            cursor.execute(SEGMENTS_OF, [index, MAX_CHUNKS])
            versions = cursor.fetchall()
            for place in sorted({row[2] for row in versions}):
                fill_segment(cursor, index, [row[:2] for row in versions if row[2] == place], *tables)
        cursor.execute("set constraints all immediate")


def fill_segment(cursor, index, versions, segments, indexed):
    segment = segments.objects.create(index_id=index, chunks=sum(count for _version, count in versions))
    rows = [
        indexed(index_id=index, version_id=version, segment=segment, chunks=count)
        for version, count in versions
    ]
    indexed.objects.bulk_create(rows, batch_size=1000)
    cursor.execute("analyze documents_indexedversion")
    cursor.execute(FILL, [segment.pk, segment.pk])


def restore(apps, schema_editor):
    with connection.cursor() as cursor:
        for segment in apps.get_model("documents", "Segment").objects.order_by("pk").values_list("pk", flat=True):
            cursor.execute(RESTORE, [segment])
        cursor.execute("set constraints all immediate")


class Migration(migrations.Migration):
    dependencies = [("documents", "0013_ocr_and_quota_by_name")]

    operations = [
        migrations.SeparateDatabaseAndState(
            [migrations.RunSQL(RENAME, RENAME_BACK)], [migrations.DeleteModel("Posting")]
        ),
        migrations.CreateModel(
            name="Segment",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                (
                    "chunks",
                    models.PositiveIntegerField(help_text="Also those deleted since.", verbose_name="chunks"),
                ),
                (
                    "index",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="segments",
                        to="documents.index",
                    ),
                ),
            ],
            options={"verbose_name": "segment", "verbose_name_plural": "segments"},
        ),
        migrations.CreateModel(
            name="IndexedVersion",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("chunks", models.PositiveIntegerField(verbose_name="chunks")),
                (
                    "index",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="documents.index"
                    ),
                ),
                (
                    "segment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="versions",
                        to="documents.segment",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="documents.version",
                    ),
                ),
            ],
            options={"verbose_name": "indexed version", "verbose_name_plural": "indexed versions"},
        ),
        migrations.AddConstraint(
            model_name="indexedversion",
            constraint=models.UniqueConstraint(
                fields=("version", "index"), include=("segment", "chunks"), name="unique_indexed_version"
            ),
        ),
        migrations.CreateModel(
            name="Posting",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "segment_id", "lexeme", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("lexeme", models.TextField(db_collation="C")),
                ("entries", models.BinaryField(verbose_name="entries")),
                (
                    "segment",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="documents.segment",
                    ),
                ),
            ],
            options={"verbose_name": "posting", "verbose_name_plural": "postings"},
        ),
        migrations.RunSQL(TRIGGERS, DROP_TRIGGERS),
        migrations.RunPython(fill, restore),
        migrations.RunSQL("drop table documents_posting_before", CREATE_BEFORE),
        migrations.AddIndex(
            model_name="document",
            index=models.Index(
                condition=models.Q(("chunk_count__gt", 0), ("serving__isnull", False)),
                fields=["collection"],
                include=("serving",),
                name="askable_documents",
            ),
        ),
    ]
