"""Train the built-in model: `python -m retrieval.pocket.train --data DIR --wordnet DIR --out DIR`.

Two trained networks are tied to one space (`pretrained`): what a picture shows, and what a text
means. Four stages, each kept in `--out` when it is done, so that a run that was cut off goes on
with the next one:

1. heads      a small head on each frozen network: captions find photographs
2. tuning     the upper part of the image tower learns with its head
3. imitation  a small text tower learns to say what the sentence model says, of all texts
4. together   the text tower learns where pictures lie

`recipe.py` has the numbers, MODEL_CARD.md what came of them.
"""
