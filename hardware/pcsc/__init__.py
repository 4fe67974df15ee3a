"""Card readers over PC/SC: readers, insertion and removal, exclusive connections."""
