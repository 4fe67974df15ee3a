"""Backups of the centre: its database, keys and what stands beside them, encrypted, off the disk, proved, and put back."""
