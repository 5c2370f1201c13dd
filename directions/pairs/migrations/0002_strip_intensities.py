from django.db import migrations, models


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
    ]
