"""The desk: rules, certificates, the database, the use cases and the screens."""
