from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def fill_money(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """What each attempt brought, by its order; and which of it went back with the order."""
    settled = apps.get_model('payments', 'PaymentAttempt').objects.filter(state__in=('paid', 'returned'))
    for row in settled.select_related('payment'):
        row.amount, row.paid_at = row.payment.amount, row.payment.paid_at
        if row.state == 'returned' and row.payment.state == 'refunded':
            row.state = 'refunded'
        row.save(update_fields=['amount', 'paid_at', 'state'])


class Migration(migrations.Migration):

    dependencies = [
        ('payments', '0006_refund_numbers'),
    ]

    operations = [
        migrations.AddField(
            model_name='paymentattempt',
            name='amount',
            field=models.BigIntegerField(default=0, verbose_name='金额(分)'),
        ),
        migrations.AddField(
            model_name='paymentattempt',
            name='paid_at',
            field=models.BigIntegerField(null=True, verbose_name='支付时间'),
        ),
        migrations.AlterField(
            model_name='paymentattempt',
            name='state',
            field=models.CharField(choices=[('open', '支付中'), ('paid', '成功'), ('closed', '已关闭'), ('returned', '已退回'), ('refunded', '随订单退回')], default='open', max_length=10, verbose_name='状态'),
        ),
        migrations.RunPython(fill_money, migrations.RunPython.noop),
    ]
