"""The screens of staff and supervisors."""
