"""Distilling: what several checkpoints say together, in the space of the one that learns."""

from __future__ import annotations

import logging
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from retrieval.pocket import train
from retrieval.pocket.batches import Augmentation, draw_batch
from retrieval.pocket.corpus import Corpus, load_corpus
from retrieval.pocket.evaluate import embed_texts
from retrieval.pocket.export import export, load_shape
from retrieval.pocket.model import DualEncoder, Heads, Shape
from retrieval.pocket.precision import pays_in_half
from retrieval.pocket.recipe import ANOTHER, DISTILLED, POCKET, Recipe, Stage, Weights
from retrieval.pocket.run import Run
from retrieval.pocket.teachers import Teachers, common_space, gather


@pytest.fixture(scope="module")
def corpus(tiny_data, tiny_recipe, tmp_path_factory) -> Corpus:
    return load_corpus(tiny_data, tmp_path_factory.mktemp("cache"), tiny_recipe.scenes)


def model_of(shape: Shape, corpus: Corpus, seed: int) -> DualEncoder:
    torch.manual_seed(seed)
    model = DualEncoder(shape, len(corpus.vocabulary), Heads())
    # New towers say nearly the same of every picture; these tell them apart.
    with torch.no_grad():
        for parameter in model.clip.parameters():
            if parameter.ndim >= 2:
                parameter.mul_(2)
    return model.eval()


@pytest.fixture(scope="module")
def folders(corpus, tiny_recipe, tmp_path_factory) -> list[Path]:
    """Two exported models, the second with more dimensions than a student has."""
    made = []
    for seed, dim in ((1, 16), (2, 24)):
        shape = replace(tiny_recipe.shape, dim=dim)
        folder = tmp_path_factory.mktemp(f"teacher{seed}")
        export(model_of(shape, corpus, seed), shape, corpus.vocabulary, folder)
        made.append(folder)
    return made


@given(st.integers(1, 5), st.integers(0, 3), st.integers(0, 1000))
def test_the_common_space_undoes_a_rotation_into_more_dimensions(narrow, more, seed):
    rng = np.random.default_rng(seed)
    own = rng.normal(size=(20, narrow)).astype(np.float32)
    turned, _ = np.linalg.qr(rng.normal(size=(narrow + more, narrow + more)))
    rows = (own @ turned[:narrow]).astype(np.float32)
    projection = common_space(rows, own)
    np.testing.assert_allclose(rows @ projection, own, atol=1e-4)
    np.testing.assert_allclose(projection.T @ projection, np.eye(narrow), atol=1e-4)


def test_the_only_teacher_says_what_it_says_alone(corpus, folders, tiny_recipe, tmp_path, caplog):
    student = model_of(tiny_recipe.shape, corpus, seed=1)
    with caplog.at_level(logging.INFO):
        teachers = gather(folders[:1], corpus, tmp_path, student)
    assert caplog.text.count("embedding") == 1
    own = embed_texts(student, corpus.texts.tokens)
    assert (teachers.texts.numpy() * own).sum(axis=1).min() > 0.999
    shares = {"flickr8k": 4, "mini_imagenet": 4}
    batch = draw_batch(corpus, shares, 32, 0, np.random.default_rng(0), Augmentation())
    with torch.no_grad():
        views = [student.encode_images(p) for p in (batch.pixels, batch.pixels.flip(3))]
        both = sum(torch.nn.functional.normalize(rows, dim=1) for rows in views)
        seen = torch.nn.functional.normalize(both, dim=1)
    # Batch norm was folded into the convolutions of the teacher, not of the student.
    assert (teachers.embed_images(batch.pixels) * seen).sum(dim=1).min() > 0.999
    with caplog.at_level(logging.INFO):
        gather(folders[:1], corpus, tmp_path, student)
    assert caplog.text.count("embedding") == 1  # kept


def test_two_teachers_rank_by_the_sum_of_their_similarities(corpus, folders, tiny_recipe, tmp_path):
    wide = replace(tiny_recipe.shape, dim=40)
    teachers = gather(folders, corpus, tmp_path, model_of(wide, corpus, seed=3))
    each = [
        embed_texts(model_of(load_shape(folder), corpus, seed), corpus.texts.tokens)
        for seed, folder in zip((1, 2), folders, strict=True)
    ]
    together = sum(rows @ rows.T for rows in each) / 2
    np.testing.assert_allclose(teachers.texts @ teachers.texts.T, together, atol=0.02)


def distilling(tiny_recipe: Recipe, steps: int) -> Recipe:
    stage = Stage(
        "distil",
        1,
        Weights(mimicry=10, affinity=1, scenes=1),
        Augmentation(mix=0.5, mix_classes=0.5, mix_shape=1.0),
        {"flickr8k": 4, "scenes": 2, "mini_imagenet": 4},
        (32,),
        text_groups=8,
        steps=steps,
    )
    return replace(tiny_recipe, stages=(stage,), bank=16)


def test_a_student_comes_nearer_to_its_teachers(corpus, folders, tiny_recipe, tmp_path):
    run = Run(distilling(tiny_recipe, 60), corpus, tmp_path, "cpu", seed=3)
    run.listen_to(folders)
    teachers = run.teachers
    assert teachers is not None

    def nearness() -> tuple[float, float]:
        texts = embed_texts(run.model, corpus.texts.tokens)
        shares = {"flickr8k": 8, "mini_imagenet": 8}
        batch = draw_batch(corpus, shares, 32, 999, np.random.default_rng(9), Augmentation())
        with torch.no_grad():
            run.model.eval()
            seen = torch.nn.functional.normalize(run.model.encode_images(batch.pixels), dim=1)
        pictures = (teachers.embed_images(batch.pixels) * seen).sum(dim=1).mean()
        return float((teachers.texts.numpy() * texts).sum(axis=1).mean()), float(pictures)

    before = nearness()
    losses = [record.loss for record in run.train(None)]
    after = nearness()
    assert losses
    assert after[0] > before[0] + 0.1
    assert after[1] > before[1] + 0.1


def test_teachers_are_asked_about_no_scene_and_no_caption_of_one(
    corpus, folders, tiny_recipe, tmp_path, monkeypatch
):
    run = Run(distilling(tiny_recipe, 2), corpus, tmp_path, "cpu", seed=3)
    lesson = run._lesson()
    owners = np.repeat(np.arange(len(corpus.texts)), np.diff(corpus.texts.starts))
    scenes = set(corpus.sources["scenes"].groups)
    assert set(owners[lesson.taught_places]) == set(range(len(corpus.texts))) - scenes
    assert set(lesson.taught_groups) == set(lesson.caption_groups) - scenes
    run.listen_to(folders)
    assert run.teachers is not None
    asked: list[int] = []

    class Noted(torch.Tensor):
        def __getitem__(self, places):
            asked.extend(places)
            return super().__getitem__(places)

    noted = run.teachers.texts.as_subclass(Noted)
    run.teachers = replace(run.teachers, texts=noted)
    list(run.train(None))
    assert len(asked) == 2 * 2 * (8 + 16)  # steps, workers, texts of a batch and in the bank
    assert not scenes & set(owners[asked])


def test_teachers_look_once_at_pictures_that_come_again(
    corpus, folders, tiny_recipe, tmp_path, monkeypatch
):
    monkeypatch.setattr("retrieval.pocket.recipe.VIEWS", 4)
    recipe = distilling(tiny_recipe, 6)  # 12 draws of two workers
    stage = replace(recipe.stages[0], repeats=3)
    run = Run(replace(recipe, stages=(stage,)), corpus, tmp_path, "cpu", seed=3)
    run.listen_to(folders)
    looks = []
    look = Teachers.embed_images

    def counted(self, pixels):
        looks.append(len(pixels))
        return look(self, pixels)

    monkeypatch.setattr(Teachers, "embed_images", counted)
    list(run.train(None))
    assert run.workers == 2
    assert looks == [8] * 4  # four batches of ten, of which two are scenes, are shown three times


def test_a_resumed_run_hears_the_same_teachers(corpus, folders, tiny_recipe, tmp_path):
    runs = [Run(distilling(tiny_recipe, 2), corpus, tmp_path, "cpu", seed=3) for _ in range(2)]
    runs[0].listen_to(folders)
    list(runs[0].train(None))
    runs[1].listen_to(folders)
    assert runs[1].resume()
    first, second = (run.teachers for run in runs)
    assert first is not None
    assert second is not None
    assert torch.allclose(first.projection, second.projection, atol=1e-5)


def test_without_teachers_there_is_nobody_to_imitate(corpus, tiny_recipe, tmp_path):
    run = Run(distilling(tiny_recipe, 1), corpus, tmp_path, "cpu", seed=3)
    with pytest.raises(ValueError, match="needs teachers, and there are none"):
        list(run.train(None))


def test_the_command_line_takes_teachers(tmp_path):
    def recipe(*arguments: str) -> Recipe:
        parser = train._parser()
        return train._recipe(parser.parse_args(["--out", str(tmp_path), *arguments]))

    assert recipe("--data", "d") == POCKET
    assert recipe("--data", "d", "--start", "s") == POCKET.further()
    assert recipe("--data", "d", "--start", "s", "--teachers", "a", "b") == DISTILLED
    assert recipe("--data", "d", "--teachers", "a", "--minutes", "9").stages[0].minutes == 9
    other = recipe("--data", "d", "--tower", "regnety_002")
    assert other == replace(POCKET, shape=replace(POCKET.shape, tower="regnety_002"))


def test_another_teacher_has_towers_of_the_size_that_it_starts_from(folders, tmp_path):
    parser = train._parser()
    begun = ["--data", "d", "--out", str(tmp_path), "--another"]
    recipe = train._recipe(parser.parse_args([*begun, "--start", str(folders[1])]))
    assert recipe == replace(ANOTHER, shape=load_shape(folders[1]))
    assert [stage.keep_best for stage in recipe.stages] == [False]
    for wrong in ([], ["--start", str(folders[1]), "--teachers", str(folders[0])]):
        with pytest.raises(SystemExit):
            train.main([*begun, *wrong])


def test_a_shape_is_read_back_from_its_checkpoint(folders, tiny_recipe):
    assert load_shape(folders[1]) == replace(tiny_recipe.shape, dim=24)


@pytest.mark.parametrize(("exact", "half", "pays"), [
    (2.0, 1.0, True), (1.0, 1.0, False), (1.1, 1.0, False), (1.0, 2.0, False)
])  # fmt: skip
def test_half_precision_is_taken_where_it_is_measured_to_be_faster(
    exact, half, pays, tiny_recipe, monkeypatch
):
    turns = cycle([0.0, exact, 0.0, half])  # what the clock says as each begins and ends
    monkeypatch.setattr("retrieval.pocket.precision.perf_counter", lambda: next(turns))
    pays_in_half.cache_clear()
    try:
        assert pays_in_half("cpu", tiny_recipe.shape.tower) == pays
    finally:
        pays_in_half.cache_clear()


def test_graphics_cards_are_known_to_be_faster_in_half_precision():
    assert pays_in_half("cuda", "a tower that is not even built")
