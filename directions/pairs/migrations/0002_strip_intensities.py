from django.db import migrations, models

BEFORE = [-2.0, -1.0, 0.0, 1.0, 2.0]  # where every strip was drawn until now


def label(apps, schema_editor):
    apps.get_model("pairs", "Direction").objects.filter(strip__isnull=False).update(strip_intensities=BEFORE)


class Migration(migrations.Migration):

    dependencies = [
        ('pairs', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='direction',
            name='strip_intensities',
            field=models.JSONField(blank=True, default=list, help_text='of both strips, from left to right'),
        ),
        migrations.RunPython(label, migrations.RunPython.noop),
    ]
