"""The central server, a Django project."""
