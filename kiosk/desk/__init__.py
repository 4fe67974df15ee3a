"""Use cases: one verb, one transaction; the only door between the screens and the rest."""
