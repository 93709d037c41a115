"""Pixtrieve finds pictures by what is in them."""
