"""Export open_clip models to OpenVINO and check that both give the same vectors."""
