"""The `keydesk` command."""


def main() -> int:
    """Run it."""
    return 0
