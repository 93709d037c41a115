"""From an open_clip model to one that OpenVINO runs, proved to give the same vectors."""
