"""The screens of an order, from home to the receipt."""
