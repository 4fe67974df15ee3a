from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from kiosk.domain.identifiers import number_in


def fill_numbers(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """The number that people know each order by."""
    for name in ('Payment', 'DeskPayment'):
        for row in apps.get_model('payments', name).objects.filter(order_number=''):
            row.order_number = number_in(row.order)
            row.save(update_fields=['order_number'])


class Migration(migrations.Migration):

    dependencies = [
        ('payments', '0004_list_indexes'),
    ]

    operations = [
        migrations.AlterField(
            model_name='payment',
            name='order',
            field=models.CharField(max_length=40, primary_key=True, serialize=False, verbose_name='订单标识'),
        ),
        migrations.AddField(
            model_name='payment',
            name='order_number',
            field=models.CharField(default='', max_length=40, verbose_name='订单号'),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name='deskpayment',
            name='order',
            field=models.CharField(max_length=40, verbose_name='订单标识'),
        ),
        migrations.AddField(
            model_name='deskpayment',
            name='order_number',
            field=models.CharField(default='', max_length=40, verbose_name='订单号'),
            preserve_default=False,
        ),
        migrations.AddIndex(
            model_name='payment',
            index=models.Index(fields=['order_number', 'opened_at', 'order'], name='payment_number'),
        ),
        migrations.AddIndex(
            model_name='deskpayment',
            index=models.Index(fields=['order_number', 'key'], name='desk_number'),
        ),
        migrations.RunPython(fill_numbers, migrations.RunPython.noop),
    ]
