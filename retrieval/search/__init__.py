"""Asking: a question becomes vectors, vectors become hits, hits are put in order."""
