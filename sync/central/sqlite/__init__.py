"""Django's SQLite backend, with a journal that loses no commit on the SQLite at hand."""
