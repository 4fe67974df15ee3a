"""What the screens are given: frozen snapshots of the desk, and the outcomes of its verbs, which the screen words. Amounts are fen, times UTC seconds."""
