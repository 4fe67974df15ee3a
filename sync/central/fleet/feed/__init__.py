"""The feed: rows with versions by audience and key, from the transaction that tells them to the kiosk that pulls them."""
