"""Train the built-in model: `python -m retrieval.pocket.train --data DIR --wordnet DIR --out DIR`.

Training maps two pretrained networks (`pretrained`), one for pictures and one for sentences, to
one space. It has four stages. Each stage saves its result in `--out`, so that an interrupted run
continues with the next one:

1. heads      train a small head on each frozen network, so that captions match photographs
2. tuning     also train the upper part of the image tower
3. imitation  train a small text tower to reproduce the sentence model's vectors
4. together   train the text tower on the vectors of the pictures

`recipe.py` has all numbers, MODEL_CARD.md the results.
"""
