"""Measure the recall of captions in each language, English first.

    python benchmarks/languages.py CAPTIONS.jsonl [--model M]

CAPTIONS has the format of `pixtrieve evaluate`, with captions in other languages in "captions_ml".
For each language the result is that of `pixtrieve evaluate --lang`. Pictures are encoded once.
"""

from __future__ import annotations

import argparse
import os
import tempfile

from bench import note, print_table

from retrieval import IndexOptions, Library
from retrieval.evaluation.captions import evaluate_pictures, read_captions
from retrieval.tagging.corpora import ENGLISH, languages, read_corpus


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("captions", help="pictures with captions, JSON lines")
    parser.add_argument("--model", default="pocket", help="model to measure (%(default)s)")
    arguments = parser.parse_args()
    spoken = languages(read_corpus(arguments.captions))
    rows = []
    with (
        tempfile.TemporaryDirectory() as folder,
        Library.create(os.path.join(folder, "library"), arguments.model) as library,
    ):
        note("indexing the pictures")
        library.add([picture.file for picture in read_captions(arguments.captions)])
        for lang in sorted(spoken, key=lambda lang: (lang != ENGLISH, lang)):
            note(lang)
            pictures = read_captions(arguments.captions, lang)
            with library.stored_vectors() as known:
                measured = evaluate_pictures(
                    pictures, library.encoder(), known, IndexOptions(), lambda _: None
                )
            recall, chance = measured.text_to_image, measured.chance_text_to_image
            rows.append(
                (
                    lang,
                    f"{measured.images:,}",
                    f"{measured.captions:,}",
                    *(f"{recall.recall[k]:.3f}" for k in (1, 5, 10)),
                    f"{recall.median_rank:.0f}",
                    f"{chance[10]:.3f}",
                )
            )
    print_table(
        f"Text→image, {arguments.model}",
        ("language", "pictures", "captions", "R@1", "R@5", "R@10", "median rank", "R@10 by chance"),
        rows,
    )


if __name__ == "__main__":
    main()
