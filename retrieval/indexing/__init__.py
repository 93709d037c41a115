"""Indexing: brings a library up to date with folders on disk."""
