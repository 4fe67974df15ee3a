"""The screens of what members look up and ask for besides orders."""
