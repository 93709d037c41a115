"""A whole training in miniature: it runs, goes on where it was cut off, and is exported."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import timm
import torch
from safetensors.torch import load_file
from support.teacher import sentence_vectors

from retrieval.pocket.train import wordnet
from retrieval.pocket.train.corpus import Corpus, clean_caption, collect, names_in, plural
from retrieval.pocket.train.export import WEIGHTS_NAME, WORDS_NAME
from retrieval.pocket.train.imitation import TokenizedCorpus, initial_tower
from retrieval.pocket.train.material import Material
from retrieval.pocket.train.pictures import PictureSet, squashed
from retrieval.pocket.train.pretrained import SENTENCE_DIM
from retrieval.pocket.train.recipe import Recipe
from retrieval.pocket.train.stages import known_words, train
from retrieval.pocket.train.towers import Lower, TextTower, Upper, fold_norms
from retrieval.pocket.train.truth import caption_truth
from retrieval.pocket.train.vocabulary import Vocabulary, tokenize
from retrieval.scenes import render, scene_facts
from retrieval.scenes.captions import truths, write_captions


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Sums split over threads differ in the last digit; an optimizer enlarges that."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def backbone() -> Any:
    """A timm model: torch knows its layers as modules or tensors, no more."""
    torch.manual_seed(5)
    net = timm.create_model("tf_efficientnet_lite0")
    for module in net.modules():  # norms that do something, so that folding them shows
        if isinstance(module, torch.nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            torch.nn.init.uniform_(module.running_mean, -0.2, 0.2)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
            torch.nn.init.uniform_(module.bias, -0.1, 0.3)
    return net.eval()


@pytest.fixture(scope="module")
def corpus(tiny_data: Path, dictionary: Path) -> Corpus:
    return collect(tiny_data, dictionary, ["a red ball on a street"], ("de",), seed=0)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def finished(
    tiny_recipe: Recipe, tiny_data: Path, dictionary: Path, out: Path, backbone: Any
) -> Path:
    return train(tiny_recipe, tiny_data, dictionary, out, backbone, sentence_vectors, seed=3)


def test_folding_norms_changes_nothing(backbone: Any) -> None:
    pixels = torch.randint(0, 256, (2, 64, 64, 3), dtype=torch.uint8)
    net = fold_norms(backbone)
    with torch.no_grad():
        pooled = Upper(net, 16).pool(Lower(net)(pixels))
        wanted = backbone.forward_features((pixels.permute(0, 3, 1, 2).float() - 127) / 128)
        guessed = backbone.classifier(wanted.mean(dim=(2, 3)))
        assert torch.allclose(net.classifier(pooled), guessed, atol=1e-4)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in net.modules())


def test_the_checkpoint_is_what_was_trained(
    finished: Path, out: Path, backbone: Any, tiny_recipe: Recipe
) -> None:
    """open_clip's own towers give the vectors of the trainer's, but for the rounding of weights."""
    model, preprocess = open_clip.create_model_from_pretrained(f"local-dir:{finished}")
    tokenizer = open_clip.get_tokenizer(f"local-dir:{finished}")
    scene = render(2_000_000, 96).image
    net = fold_norms(backbone)
    upper = Upper(net, tiny_recipe.shape.dim).eval()
    upper.load_state_dict(torch.load(out / "tuning-1.pt", weights_only=True)["upper"])
    state = torch.load(out / "together.pt", weights_only=True)["tower"]
    tower = TextTower(tiny_recipe.shape, len(state["tokens.weight"]), tiny_recipe.shape.dim)
    tower.load_state_dict(state)
    words = ["something red", "the wall is blue"]
    exported = load_file(finished / WEIGHTS_NAME)["token_embedding.weight"]
    vocabulary = Vocabulary(exported.abs().sum(dim=1).nonzero()[:, 0].numpy())
    assert len(vocabulary) == len(state["tokens.weight"])
    with torch.no_grad():
        pixels = torch.from_numpy(squashed(scene, tiny_recipe.shape.image_size).copy()[None])
        ours = upper.project(upper.pool(Lower(net)(pixels)))
        theirs = model.eval().encode_image(preprocess(scene)[None], normalize=True)
        assert torch.cosine_similarity(ours, theirs).item() > 0.999
        tokens = vocabulary.compact(tokenize(words, tiny_recipe.shape.context))
        ends = torch.from_numpy(vocabulary.ends(tokens))
        ours = tower(torch.from_numpy(tokens).long(), ends)
        theirs = model.encode_text(tokenizer(words), normalize=True)
        assert torch.cosine_similarity(ours, theirs).min().item() > 0.999


def test_a_run_that_was_cut_off_goes_on(
    finished: Path,
    out: Path,
    tiny_recipe: Recipe,
    tiny_data: Path,
    dictionary: Path,
    backbone: Any,
) -> None:
    """What the last stage was given is what earlier stages left, to the bit."""
    first = load_file(finished / WEIGHTS_NAME)
    (out / "together.pt").unlink()
    again = train(tiny_recipe, tiny_data, dictionary, out, backbone, sentence_vectors, seed=3)
    assert all(
        torch.equal(first[name], value) for name, value in load_file(again / WEIGHTS_NAME).items()
    )


def test_matrices_are_short_half_floats(finished: Path) -> None:
    state = load_file(finished / WEIGHTS_NAME)
    for name, value in state.items():
        if value.ndim > 1:
            assert value.dtype == torch.float16, name
            assert not (value.view(torch.int16) & 15).any(), name
        else:
            assert value.dtype in (torch.float32, torch.int64), name


def test_known_words_lie_beside_the_weights(finished: Path, corpus: Corpus) -> None:
    words = gzip.decompress((finished / WORDS_NAME).read_bytes()).decode().split("\n")
    assert words == [*sorted(words[:-1]), ""]
    assert {"red", "wall", "canis", "wand"} <= set(words)
    assert "qwzx" not in known_words(corpus)


def test_texts_are_collected_with_what_they_belong_to(corpus: Corpus) -> None:
    kinds = Counter(corpus.kinds)
    assert {"photographs", "classes", "emoji", "words", "lemmas", "glosses", "scenes"} <= set(kinds)
    assert len(corpus.texts) == len(set(corpus.texts)) == len(corpus.kinds)
    assert [corpus.texts[n] for n in corpus.captions[0]][:2] == ["a red wall", "the wall is red"]
    assert len(corpus.imagenet) == 1000
    assert "tench" in {corpus.texts[n] for n in corpus.imagenet[0]}
    reds = corpus.shows[:, corpus.keywords.index("wall")]
    assert (reds == 1).all()
    german = corpus.foreign.index("eine Wand")
    assert corpus.foreign_means[german] == corpus.captions[corpus.foreign_photo[german]]


def test_english_alone_has_no_foreign_texts(tiny_data: Path, dictionary: Path) -> None:
    alone = collect(tiny_data, dictionary, [], (), seed=0)
    assert not alone.foreign
    assert "wand" not in known_words(alone)


def test_captions_lose_blanks_and_full_stops() -> None:
    assert clean_caption("A dog , wet , runs .") == "A dog, wet, runs"


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("dog", "dogs"),
        ("child", "children"),
        ("city", "cities"),
        ("beach", "beaches"),
        ("boy", "boys"),
    ],
)
def test_a_plural_names_the_thing(one: str, many: str) -> None:
    assert plural(one) == many
    assert names_in({many, "two"}, {one, many, "pool"}) == {one, many, "two"}


def test_words_that_only_look_like_plurals_name_nothing_else() -> None:
    assert names_in({"is", "grass", "this"}, {"man", "dog"}) == {"is", "grass", "this"}


def test_wordnet_is_read(dictionary: Path) -> None:
    synsets = list(wordnet.read_synsets(dictionary))
    assert synsets[0] == wordnet.Synset(
        "noun", ("dog", "domestic dog", "Canis familiaris"), "a member of the genus Canis"
    )
    assert synsets[-1].words == ("able",)
    assert wordnet.read_frequencies(dictionary)["dog"] == 42


def test_a_tower_begins_near_the_meaning_of_its_words(
    tiny_recipe: Recipe, tiny_data: Path, dictionary: Path, corpus: Corpus
) -> None:
    no_vectors = np.zeros((0, SENTENCE_DIM), np.float16)
    material = Material(corpus, no_vectors, sets={}, pooled={}, guesses={}, labels={})
    shape = tiny_recipe.shape
    reading = TokenizedCorpus.of(material, shape)
    tower = initial_tower(shape, reading, sentence_vectors)
    rows = tower.tokens.weight.detach()
    pieces = reading.vocabulary.pieces()
    wanted = sentence_vectors(pieces)
    near = np.corrcoef(
        (rows @ rows.T).numpy().ravel(),
        ((wanted - wanted.mean(0)) @ (wanted - wanted.mean(0)).T).ravel(),
    )[0, 1]
    assert near > 0.2
    assert tower.projection.shape == (shape.text_width, SENTENCE_DIM)


def test_truth_follows_from_facts() -> None:
    seeds = [1, 2, 3]
    captions = [(seed, 0) for seed in seeds]
    truth = caption_truth(seeds, captions)
    for row, seed in enumerate(seeds):
        for column, (other, place) in enumerate(captions):
            claims = write_captions(scene_facts(other))[place].claims
            assert truth[row, column] == (claims <= truths(scene_facts(seed)))
    assert truth.diagonal().all()


def test_picture_sets_give_maps_in_planes() -> None:
    maps = np.arange(2 * 3 * 3 * 4, dtype=np.float16).reshape(2, 3, 3, 4)
    batch = PictureSet(maps, ({}, {})).batch([1])
    assert batch.shape == (1, 4, 3, 3)
    assert batch[0, 2, 1, 0].item() == maps[1, 1, 0, 2]


def test_settings_say_how_pixels_are_scaled(finished: Path) -> None:
    config = json.loads((finished / "open_clip_config.json").read_text())["preprocess_cfg"]
    scaled = (200 / 255 - config["mean"][0]) / config["std"][0]
    assert abs(scaled - (200 - 127) / 128) < 1e-6
