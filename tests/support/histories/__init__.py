"""Random histories over the real store, desk, agent and centre (`python -m tests.support.histories --help`)."""

from tests.support import django_setup

ORGANISATION = django_setup.ORGANISATION
