"""Django's SQLite backend, with a journal mode that loses no commits in the installed version of SQLite."""
