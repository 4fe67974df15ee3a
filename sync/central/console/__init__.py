"""The staff console: Django's admin in Chinese."""
