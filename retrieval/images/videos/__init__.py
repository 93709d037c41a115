"""Videos: which containers there are, and frames of them, decoded by PyAV (the extra `video`)."""
