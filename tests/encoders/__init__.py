"""Tests of the room retrieval/encoders."""
