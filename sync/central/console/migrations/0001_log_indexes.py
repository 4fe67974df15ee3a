from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# The log's table is Django's own: its state in the migrations stays as it is.
INDEXES = (
    models.Index(fields=("user", "action_time"), name="console_log_user"),
    models.Index(fields=("content_type", "object_id", "action_time"), name="console_log_object"),
)


def add(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Index the log as the console reads it: somebody's latest acts, and one row's history."""
    for index in INDEXES:
        schema_editor.add_index(apps.get_model("admin", "LogEntry"), index)


def remove(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for index in INDEXES:
        schema_editor.remove_index(apps.get_model("admin", "LogEntry"), index)


class Migration(migrations.Migration):

    dependencies = [
        ("admin", "0003_logentry_add_action_flag_choices"),
    ]

    operations = [
        migrations.RunPython(add, remove),
    ]
