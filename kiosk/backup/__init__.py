"""Backups that lie off the disk: encrypted to a key that is kept offline, dated, rotated. Kiosk and centre share this."""
