"""The database: migrations, journal, ledger and vault."""
