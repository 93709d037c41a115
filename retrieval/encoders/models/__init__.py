"""Find models and their files, identify them by fingerprint, and load them with open_clip."""
