"""A whole training in miniature: it runs, resumes to the same weights, and exports to open_clip."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import open_clip
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from retrieval.pocket import batches, scene_losses, train
from retrieval.pocket.batches import Augmentation, _epoch_places, draw_batch
from retrieval.pocket.corpus import Corpus, load_corpus
from retrieval.pocket.curve import draw_curve, read_curve
from retrieval.pocket.evaluate import embed_texts
from retrieval.pocket.export import export
from retrieval.pocket.model import DualEncoder
from retrieval.pocket.run import Run
from retrieval.pocket.scene_pictures import claims_of, prepare_scenes, true_of
from retrieval.pocket.vocabulary import tokenize
from retrieval.pocket.words import word_targets
from retrieval.scenes import render, scene_facts
from retrieval.scenes.captions import truths, write_captions


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Sums split over threads differ in the last digit; an optimizer enlarges that."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def corpus(tiny_data, tiny_recipe, tmp_path_factory) -> Corpus:
    return load_corpus(tiny_data, tmp_path_factory.mktemp("cache"), tiny_recipe.scenes)


@pytest.fixture(scope="module")
def finished(tiny_data, tiny_recipe, corpus, tmp_path_factory) -> Run:
    run = Run(tiny_recipe, corpus, tmp_path_factory.mktemp("run"), "cpu", seed=3)
    train.train(run, tiny_data)
    train.finish(run)
    return run


def test_a_run_logs_saves_and_exports(finished):
    names = {path.name for path in finished.out.iterdir()}
    assert {"log.jsonl", "last.pt", "best.pt", "after-text.pt", "curve.png", "checkpoint"} <= names
    records = [json.loads(line) for line in (finished.out / "log.jsonl").read_text().splitlines()]
    assert [r["recall"] is not None for r in records if r["stage"] == "joint"].count(True) == 2


def test_a_resumed_run_goes_on_where_it_was(tiny_recipe, corpus, tmp_path, monkeypatch):
    monkeypatch.setattr("retrieval.pocket.run.SAVE_EVERY", 0.0)
    first = Run(tiny_recipe, corpus, tmp_path, "cpu", seed=3)
    take_step = first._step

    def stop_in_the_last_stage(*arguments):
        if (first.stage_index, first.step) == (3, 2):
            raise KeyboardInterrupt
        return take_step(*arguments)

    monkeypatch.setattr(first, "_step", stop_in_the_last_stage)
    with pytest.raises(KeyboardInterrupt):
        list(first.train(None))
    second = Run(tiny_recipe, corpus, tmp_path, "cpu", seed=3)
    assert second.resume()
    assert (second.stage_index, second.step) == (3, 2)
    assert_equal_weights(first, second, within=0.0)
    # The libraries' sums are not the same to the last digit in two runs, so not "within 0".
    stage = tiny_recipe.stages[3]
    take_step(stage, first._lesson(), 0.5)
    second._step(stage, second._lesson(), 0.5)
    assert_equal_weights(first, second, within=1e-4)


def test_a_stage_can_end_with_its_best_weights(tiny_recipe, corpus, tmp_path, monkeypatch):
    scores = iter([0.9, 0.1])
    monkeypatch.setattr("retrieval.pocket.run.development_recall", lambda *_: next(scores))
    joint = replace(tiny_recipe.stages[3], text_every=1)
    run = Run(replace(tiny_recipe, stages=(joint,)), corpus, tmp_path, "cpu", seed=3)
    looks = [record for record in run.train(object()) if record.recall is not None]
    assert [record.recall for record in looks] == [0.9, 0.1]
    best = torch.load(tmp_path / "best.pt", weights_only=True)
    assert best["step"] == looks[0].step < 4
    for name, value in run.average.state_dict().items():
        assert torch.equal(value, best["average"][name]), name


def assert_equal_weights(one: Run, other: Run, within: float) -> None:
    for ours, theirs in ((one.model, other.model), (one.average, other.average)):
        for name, parameter in theirs.named_parameters():
            assert torch.allclose(
                dict(ours.named_parameters())[name], parameter, rtol=0, atol=within
            )


def test_the_exported_checkpoint_is_the_trained_model(finished, corpus, tmp_path):
    model = finished.average.eval()
    export(model, finished.recipe.shape, corpus.vocabulary, tmp_path)
    loaded, _ = open_clip.create_model_from_pretrained(f"local-dir:{tmp_path}")
    tokenizer = open_clip.get_tokenizer(f"local-dir:{tmp_path}")
    texts = ["a red wall", "something blue"]
    with torch.no_grad():
        theirs = loaded.eval().encode_text(tokenizer(texts), normalize=True).numpy()
    ours = embed_texts(model, corpus.vocabulary.compact_known(tokenize(texts)))
    assert np.allclose(ours, theirs, atol=0.03)  # bfloat16 against float32


def test_weights_are_exported_without_the_last_bit_of_a_half_float(finished):
    state = load_file(finished.out / "checkpoint" / "open_clip_model.safetensors")
    trained = finished.average.clip.state_dict()
    for name in ("visual.trunk.stem.conv.weight", "text_projection", "positional_embedding"):
        bits = state[name].view(torch.int16)
        assert (bits & 1 == 0).all()
        assert (bits & 2 != 0).any()
        torch.testing.assert_close(state[name].float(), trained[name], rtol=2e-3, atol=1e-7)


def test_training_goes_on_from_an_exported_checkpoint(finished, corpus, tiny_recipe, tmp_path):
    further = Run(tiny_recipe, corpus, tmp_path, "cpu", seed=4)
    further.start_from(finished.out / "checkpoint")
    trained = finished.average.clip.state_dict()
    for run_model in (further.model, further.average):
        for name, value in run_model.clip.state_dict().items():
            assert torch.allclose(value.float(), trained[name].float(), atol=2e-3), name
    assert not torch.equal(further.model.class_weights, finished.model.class_weights)


def test_every_batch_follows_from_its_number(corpus):
    shares = {"flickr8k": 3, "caltech101": 2}
    one, other, next_one = (
        draw_batch(corpus, shares, 16, step, np.random.default_rng(step), Augmentation())
        for step in (4, 4, 5)
    )
    assert one.pixels.equal(other.pixels)
    assert not one.pixels.equal(next_one.pixels)
    assert (one.captioned, one.photos, len(one.groups)) == (3, 3, 5)
    assert (one.groups[3:] < corpus.class_count).all()


def test_blended_photographs_and_their_targets_are_blended_alike(corpus):
    shares = {"flickr8k": 4, "scenes": 2}
    plain = Augmentation(smallest_crop=1.0, scene_crop=1.0, stretch=1.0, jitter=0.0, erase=0.0)
    mixed = replace(plain, mix=1.0)
    alone, blended = (
        draw_batch(corpus, shares, 16, 0, np.random.default_rng(5), how) for how in (plain, mixed)
    )
    assert (alone.blend.own == 1).all()
    assert (blended.blend.own < 1).any()
    assert (blended.blend.own >= 0.5).all()
    for row, (own, other) in enumerate(zip(blended.blend.own, blended.blend.other, strict=True)):
        wanted = own * alone.pixels[row] + (1 - own) * alone.pixels[other]
        assert torch.allclose(blended.pixels[row], wanted, atol=1e-3)
        target = blended.blend.of(torch.eye(4))[row]
        assert target.sum().item() == pytest.approx(1)
        assert target[row] >= own - 1e-6
    assert torch.equal(alone.pixels[4:], blended.pixels[4:])  # scenes are left alone


def test_blended_class_pictures_learn_both_classes(corpus):
    shares = {"flickr8k": 2, "caltech101": 6}
    plain = Augmentation(smallest_crop=1.0, stretch=1.0, jitter=0.0, erase=0.0)
    mixed = replace(plain, mix_classes=1.0)
    alone, blended = (
        draw_batch(corpus, shares, 16, 0, np.random.default_rng(5), how) for how in (plain, mixed)
    )
    assert torch.equal(alone.pixels[:2], blended.pixels[:2])  # photographs are left alone
    assert (blended.class_blend.own < 1).any()
    for row, (own, other) in enumerate(
        zip(blended.class_blend.own, blended.class_blend.other, strict=True)
    ):
        wanted = own * alone.pixels[2 + row] + (1 - own) * alone.pixels[2 + other]
        assert torch.allclose(blended.pixels[2 + row], wanted, atol=1e-3)


def test_an_epoch_shows_every_picture_once(corpus):
    shown = [
        draw_batch(corpus, {"flickr8k": 4}, 8, step, np.random.default_rng(0), Augmentation())
        for step in range(3)
    ]
    groups = np.concatenate([batch.groups for batch in shown])
    assert len(set(groups.tolist())) == 12


def test_neighbours_are_drawn_together_and_every_run_of_them_once():
    drawn = np.concatenate([_epoch_places(14, 6, step, together=4) for step in range(2)])
    runs = drawn.reshape(3, 4)
    assert (np.diff(runs, axis=1) == 1).all()
    assert sorted(runs[:, 0]) == [0, 4, 8]  # a rest of two is not enough for a run


def test_scenes_keep_what_their_captions_count(corpus, monkeypatch):
    """They are cut gently and never covered, unlike photographs."""
    boxes = []
    draw = batches._boxes

    def noted(*arguments):
        boxes.append(draw(*arguments))
        return boxes[-1]

    monkeypatch.setattr(batches, "_boxes", noted)
    covering = Augmentation(jitter=0.0, erase=1.0, stretch=1.0)
    batch = draw_batch(
        corpus, {"flickr8k": 9, "scenes": 6}, 24, 0, np.random.default_rng(1), covering
    )
    assert batch.parts == {"flickr8k": slice(0, 9), "scenes": slice(9, 15)}
    photos, scenes = (
        found[:, 2] * found[:, 3] / side**2 for found, side in zip(boxes, (144, 144), strict=True)
    )
    assert photos.min() < 0.75
    assert scenes.min() > 0.77
    covered = (batch.pixels == 116.0).all(dim=1).sum(dim=(1, 2)) >= 16
    assert covered.tolist() == [True] * 9 + [False] * 6


def test_neighbouring_scenes_show_the_same_things(tmp_path):
    seeds = [row["seed"] for row in prepare_scenes(tmp_path, 300).rows]
    assert sorted(seeds) == list(range(300))
    subjects = [scene_facts(seed).subject.name for seed in seeds]
    assert sum(one == other for one, other in pairwise(subjects)) > 250


@given(st.lists(st.integers(0, 400), min_size=1, max_size=6))
def test_truth_of_captions_is_what_they_say_of_the_facts(seeds):
    asked = [(seed, place) for seed in seeds for place in range(6)]
    found = true_of(seeds, asked)
    for column, (seed, place) in enumerate(asked):
        caption = write_captions(scene_facts(seed))[place]
        assert caption.text == render(seed, 16).captions[place]
        assert found[:, column].tolist() == [caption.describes(scene_facts(s)) for s in seeds]
        assert found[seeds.index(seed), column]


@given(st.lists(st.integers(0, 400), min_size=1, max_size=6))
def test_claims_of_scenes_are_all_that_is_true_of_any_of_them(seeds):
    found = claims_of(seeds)
    known = sorted({claim for seed in seeds for claim in truths(scene_facts(seed))})
    assert found.shape == (len(seeds), len(known))
    for row, seed in zip(found, seeds, strict=True):
        told = {claim for claim, true in zip(known, row, strict=True) if true}
        assert told == truths(scene_facts(seed))


def test_the_claims_head_is_asked_for_what_is_true_of_a_scene(corpus, tiny_recipe, tmp_path):
    run = Run(tiny_recipe, corpus, tmp_path, "cpu", seed=3)
    batch = draw_batch(
        corpus, {"flickr8k": 2, "scenes": 1}, 32, 0, np.random.default_rng(0), Augmentation()
    )
    scene = batch.groups[2] - corpus.sources["scenes"].groups[0]
    true = torch.from_numpy(corpus.scene_claims[scene])
    lesson, claims = run._lesson(), run.model.claims

    def loss() -> float:
        return scene_losses.claims_loss(run.model, lesson, batch, torch.zeros(3, 16)).item()

    with torch.no_grad():
        claims.bias.copy_(torch.where(true, 20.0, -20.0))
    assert loss() == pytest.approx(np.log(int(true.sum())), rel=1e-4)
    with torch.no_grad():
        claims.bias.copy_(torch.where(true, -20.0, 20.0))
    assert loss() == pytest.approx(40 + np.log(int((~true).sum())), rel=1e-4)


def test_batch_norm_is_measured_anew_unless_training_ended_at_the_size_of_use(
    corpus, tiny_recipe, tmp_path
):
    run = Run(tiny_recipe, corpus, tmp_path, "cpu", seed=3)
    before = {name: value.clone() for name, value in run.average.state_dict().items()}

    def changed(ready: DualEncoder) -> set[str]:
        assert not ready.training
        for name, value in run.average.state_dict().items():
            assert torch.equal(value, before[name]), "the average itself goes on being followed"
        found = ready.state_dict().items()
        return {name for name, value in found if not torch.equal(value, before[name])}

    run.size = tiny_recipe.shape.image_size
    assert changed(run.usable(batches=2)) == set()
    run.size = tiny_recipe.shape.image_size // 2
    statistics = changed(run.usable(batches=2))
    assert statistics
    assert all("running_" in name or "num_batches" in name for name in statistics)


def test_the_size_that_training_ended_at_is_resumed(corpus, tiny_recipe, tmp_path):
    run = Run(tiny_recipe, corpus, tmp_path, "cpu", seed=3)
    list(run.train(None))
    assert run.size == tiny_recipe.stages[-1].sizes[-1]
    other = Run(tiny_recipe, corpus, tmp_path, "cpu", seed=3)
    assert other.size == 0
    assert other.resume()
    assert other.size == run.size


def test_a_batch_knows_which_of_its_captions_are_true_of_which_scene(corpus, tiny_recipe, tmp_path):
    lesson = Run(tiny_recipe, corpus, tmp_path, "cpu", seed=3)._lesson()
    scenes = corpus.sources["scenes"]
    owners = np.repeat(scenes.groups, 6)
    places = corpus.texts.starts[owners] + np.tile(np.arange(6), len(scenes))
    found = scene_losses.truth_of(lesson, scenes.groups, owners, places)
    asked = [(int(seed), place) for seed in corpus.scene_seeds for place in range(6)]
    assert np.array_equal(found.numpy(), true_of(corpus.scene_seeds, asked))
    assert found.shape == (6, 36)


def test_the_same_class_name_in_two_shards_is_one_class(corpus):
    assert corpus.class_count == 3


def test_word_targets_are_distributions_over_telling_words(corpus):
    targets = word_targets(corpus.texts, corpus.class_count, words=20).astype(np.float32)
    assert targets.shape == (len(corpus.texts), 20)
    assert (targets[: corpus.class_count] == 0).all()
    sums = targets[corpus.class_count :].sum(axis=1)
    assert np.all((np.abs(sums - 1) < 0.01) | (sums == 0))


def test_the_curve_lays_stages_end_to_end():
    rows = [
        {"stage": "text", "seconds": 60.0, "loss": 3.0, "recall": None},
        {"stage": "joint", "seconds": 30.0, "loss": 2.0, "recall": 0.1},
    ]
    curve = read_curve(rows)
    assert curve.loss == [(1.0, 3.0), (1.5, 2.0)]
    assert curve.recall == [(1.5, 0.1)]
    assert curve.stages == [("text", 0.0), ("joint", 1.0)]
    assert draw_curve(curve).size == (960, 420)
