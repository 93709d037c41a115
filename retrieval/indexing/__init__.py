"""Indexing: a library is brought up to date with folders on disk."""
