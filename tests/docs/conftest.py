"""The protocol's page names a limit of a table of the centre, which Django has to be set up for."""

from tests.support import django_setup

__all__ = ["django_setup"]
