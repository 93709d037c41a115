"""Measure the precision of the first ten pictures for everyday nouns.

    python benchmarks/nouns.py [--model M] [--captions FILE]

A picture is correct if two of its captions contain the noun or its plural. Only things that at
least ten pictures show count. Queries are the bare word and "a photo of a …", in a library of the
pictures alone, and with 200 drawn scenes, which are never correct.
"""

from __future__ import annotations

import argparse

import numpy as np
from bench import note, print_table
from named import NOUNS, counted, named, options, precision, scenes

from retrieval.encoders import open_encoder


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="pocket", help="model to measure (%(default)s)")
    options(parser)
    arguments = parser.parse_args()
    note(f"model {arguments.model}")
    encoder = open_encoder(arguments.model)
    pictures = named(arguments, encoder)
    drawn = scenes(encoder, arguments.cache)
    mixed = np.concatenate([pictures.vectors, drawn])
    rows, measured = [], []
    for noun, right in counted(pictures, NOUNS).items():
        article = "an" if noun[0] in "aeiou" else "a"
        queries = encoder.encode_texts([noun, f"a photo of {article} {noun}"])
        alone = [precision(queries[row, None], pictures.vectors, right)[0] for row in (0, 1)]
        beside, first = precision(queries, mixed, right)
        drawings = float((first >= len(right)).sum(axis=1).mean())
        measured.append((*alone, beside))
        rows.append((noun, f"{right.sum()}", *(f"{v:.2f}" for v in (*alone, beside, drawings))))
    bare, sentence, beside = np.mean(measured, axis=0)
    print_table(
        f"Precision of the first ten of {len(pictures.vectors):,} pictures, {arguments.model}",
        ("noun", "pictures", "by word", "a photo of", "with scenes", "drawings"),
        rows,
    )
    print_table(
        f"Mean of {len(rows)} nouns",
        ("", "precision@10"),
        (
            ("by the bare word", f"{bare:.3f}"),
            ("as “a photo of a …”", f"{sentence:.3f}"),
            ("both", f"{(bare + sentence) / 2:.3f}"),
            (f"both, with {len(drawn)} drawn scenes in the library", f"{beside:.3f}"),
        ),
    )
    for way, column in (("the bare word", 0), ("“a photo of a …”", 1)):
        none = [row[0] for row, found in zip(rows, measured, strict=True) if not found[column]]
        print(f"Nouns that find none by {way}: {', '.join(none) or 'no noun'}")


if __name__ == "__main__":
    main()
