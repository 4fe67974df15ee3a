"""The device API: the kiosks' signed requests under /device/v1/."""
