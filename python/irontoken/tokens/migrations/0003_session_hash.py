from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("irontoken_tokens", "0002_families")]

    operations = [
        migrations.AddField(
            model_name="accesstoken",
            name="session_hash",
            field=models.CharField(blank=True, default="", editable=False, max_length=64),
        ),
    ]
