"""The nightly run: its steps, one run of them, and the clock that begins it."""
