"""What the kiosks call: signed requests under /device/v1/."""
