"""The kiosks' journals as they were received, branches, quarantine, and the facts in them."""
