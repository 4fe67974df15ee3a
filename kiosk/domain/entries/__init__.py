"""The bodies of journal entries: what happened at a kiosk or was decided at the centre, each with all that the fold needs."""
