"""The built-in model: its checkpoint, its trainer and its scores.

`encoders.models.references.built_in_folder` returns the checkpoint's folder, which open_clip loads
like any other. The trainer is `retrieval.pocket.train`. MODEL_CARD.md describes the model.
"""
