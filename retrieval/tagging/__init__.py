"""Tagging: what pictures show, by labels in words and by concepts learned from examples."""
