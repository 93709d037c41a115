"""Watching: follows folders and indexes what changes in them."""
