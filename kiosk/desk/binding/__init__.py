"""Binding a key to an account: the saga and the issuing of certificates."""
