"""From texts to tokens and, for a few, to vectors, without torch and without a compiler."""
