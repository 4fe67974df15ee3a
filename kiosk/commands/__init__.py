"""What the `keydesk` command does: one file per subcommand, imported when it is run."""
