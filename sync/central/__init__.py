"""The central server: device API, payment pages, staff console."""
