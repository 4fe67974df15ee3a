"""Personal records that entries name by a commitment: kept sealed, each under a key of its own, and erased."""
