"""The feed at the kiosk: pulled, taken in row by row, applied."""
