"""Cryptography that devices and certificates share: SM2 on the system's libcrypto, the form of signatures."""
