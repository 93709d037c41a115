"""Duplicates: found, one of each group chosen to be kept, the others moved aside and back."""
