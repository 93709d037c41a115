"""The built-in model: its checkpoint, what made it, and what it scores.

Encoders find the checkpoint by `encoders.models.references.built_in_folder`; open_clip loads that
folder like any other. The trainer is `retrieval.pocket.train`. MODEL_CARD.md says what the model
can do.
"""
