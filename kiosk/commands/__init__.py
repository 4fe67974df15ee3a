"""What the `keydesk` command does: one file a subcommand, imported only when it is asked for."""
