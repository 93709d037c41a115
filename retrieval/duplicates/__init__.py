"""Duplicates: finds them, chooses which file of each group to keep, moves the others and back."""
