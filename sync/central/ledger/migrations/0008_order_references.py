from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from kiosk.domain.identifiers import number_in


def fill_numbers(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """The number that people know each order by."""
    for row in apps.get_model('ledger', 'LedgerOrder').objects.filter(order_number=''):
        row.order_number = number_in(row.reference)
        row.save(update_fields=['order_number'])


class Migration(migrations.Migration):

    dependencies = [
        ('ledger', '0007_request_indexes'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='ledgerorder',
            options={'ordering': ('-placed_at', '-reference'), 'permissions': (('move_order', '可以移交订单'),), 'verbose_name': '订单', 'verbose_name_plural': '订单'},
        ),
        migrations.RemoveIndex(
            model_name='ledgerorder',
            name='order_placed',
        ),
        migrations.RemoveIndex(
            model_name='ledgerorder',
            name='order_status',
        ),
        migrations.RemoveIndex(
            model_name='ledgerorder',
            name='order_owner',
        ),
        migrations.RemoveIndex(
            model_name='ledgerorder',
            name='order_account',
        ),
        migrations.RenameField(
            model_name='ledgerorder',
            old_name='number',
            new_name='reference',
        ),
        migrations.AlterField(
            model_name='ledgerorder',
            name='reference',
            field=models.CharField(max_length=40, primary_key=True, serialize=False, verbose_name='订单标识'),
        ),
        migrations.AddField(
            model_name='ledgerorder',
            name='order_number',
            field=models.CharField(default='', max_length=40, verbose_name='订单号'),
            preserve_default=False,
        ),
        migrations.AddIndex(
            model_name='ledgerorder',
            index=models.Index(fields=['placed_at', 'reference'], name='order_placed'),
        ),
        migrations.AddIndex(
            model_name='ledgerorder',
            index=models.Index(fields=['status', 'placed_at', 'reference'], name='order_status'),
        ),
        migrations.AddIndex(
            model_name='ledgerorder',
            index=models.Index(fields=['owner', 'placed_at', 'reference'], name='order_owner'),
        ),
        migrations.AddIndex(
            model_name='ledgerorder',
            index=models.Index(fields=['account', 'placed_at', 'reference'], name='order_account'),
        ),
        migrations.AddIndex(
            model_name='ledgerorder',
            index=models.Index(fields=['order_number', 'placed_at', 'reference'], name='order_number'),
        ),
        migrations.RunPython(fill_numbers, migrations.RunPython.noop),
    ]
