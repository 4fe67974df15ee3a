"""Devices: tokens, readers, the receipt printer and the scanner. Knows nothing of orders."""
