"""Watching: folders are followed, and what changes in them is indexed."""
