from django.db import migrations

BEFORE = [-2.0, -1.0, 0.0, 1.0, 2.0]  # where every strip was drawn before strips said where
PORTION = 500  # rows of a transaction: pages are read, and pairs derived, while it runs


def label(apps, schema_editor):
    """Strips without intensities get those of that time. Run again, it finds only what is left."""
    rows = apps.get_model("pairs", "Direction").objects.using(schema_editor.connection.alias)
    while portion := list(
        rows.filter(strip__isnull=False, strip_intensities=[]).values_list("pk", flat=True)[:PORTION]
    ):
        rows.filter(pk__in=portion, strip_intensities=[]).update(strip_intensities=BEFORE)


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('pairs', '0002_strip_intensities'),
    ]

    operations = [
        migrations.RunPython(label, migrations.RunPython.noop),
    ]
