"""The user centre: what a member sees of the own enterprise, its operators and keys, payments and orders."""
