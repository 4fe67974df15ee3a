from django.core.validators import RegexValidator
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('members', '0003_list_indexes'),
    ]

    operations = [
        migrations.AlterField(
            model_name='operator',
            name='account',
            field=models.CharField(max_length=12, primary_key=True, serialize=False, validators=[RegexValidator('^[1-9][0-9]{0,11}\\Z')], verbose_name='登录账号'),
        ),
    ]
