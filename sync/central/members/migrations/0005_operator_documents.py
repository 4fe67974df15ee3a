from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('members', '0004_accounts'),
    ]

    operations = [
        migrations.AddField(
            model_name='operator',
            name='document',
            field=models.CharField(blank=True, choices=[('resident-id', '中国居民身份证'), ('passport', '护照')], default='', max_length=12, verbose_name='有效证件类型'),
        ),
        migrations.AddField(
            model_name='operator',
            name='document_number',
            field=models.CharField(blank=True, default='', editable=False, max_length=18, verbose_name='有效证件号码(只留首尾)'),
        ),
        migrations.AddField(
            model_name='operator',
            name='authorised',
            field=models.BooleanField(default=False, help_text='已收到企业的法人授权书', verbose_name='法人授权书'),
        ),
    ]
