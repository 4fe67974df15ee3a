"""How the database's key is kept, in one sentence each."""

from __future__ import annotations

from kiosk.store.sealing.ways import Way
from kiosk.text.catalogue import N_

KEY_WORDS = {
    Way.PLAIN: N_("密钥没有封存，与数据库同在这块硬盘上：拿走硬盘的人打得开"),
    Way.TPM: N_("密钥由本机的 TPM 2 封存：单拿走硬盘打不开，整机拿走要靠固件和系统"),
    Way.PASSPHRASE: N_("密钥由启动密码封存，开机后要输入一次：关着的机器拿走也打不开"),
}
