"""Tokenizers, and a text tower in numpy, without torch and OpenVINO."""
