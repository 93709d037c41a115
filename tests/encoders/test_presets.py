from __future__ import annotations

import pytest

from retrieval.encoders.models import tables
from retrieval.encoders.models.configs import tokenizer_repo
from retrieval.encoders.models.licences import licence_of
from retrieval.encoders.models.presets import COCO, CROSSMODAL, PRESETS, RESEARCH_ONLY, Preset
from retrieval.encoders.models.references import parse
from retrieval.encoders.texts.languages import is_multilingual


def test_there_is_one_for_each_need() -> None:
    assert list(PRESETS) == ["default", "fast", "multilingual", "best"]


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
def test_a_preset_agrees_with_the_installed_open_clip(preset: Preset) -> None:
    reference = parse(preset.reference)
    assert str(reference) == preset.reference
    assert reference.source in tables.published()[reference.name]
    config = tables.architecture(reference.name)
    assert config["embed_dim"] == preset.dim
    assert bool(preset.extra) == bool(tokenizer_repo(config))


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
def test_every_licence_is_permissive(preset: Preset) -> None:
    assert preset.licence in {"MIT", "Apache-2.0"}


def test_the_figures_are_in_the_order_that_the_names_promise() -> None:
    fast, default, best = (PRESETS[name] for name in ("fast", "default", "best"))
    assert fast.image_gflops < default.image_gflops < best.image_gflops
    coco = [preset.recall[0].text_to_image for preset in (fast, default, best)]
    assert coco == sorted(coco)
    by_language = [recall for preset in PRESETS.values() for recall in preset.recall[1:]]
    assert {recall.test_set for recall in by_language} == {CROSSMODAL}
    assert max(by_language, key=lambda recall: recall.text_to_image) in (
        PRESETS["multilingual"].recall
    )


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
def test_every_recall_says_where_it_is_from(preset: Preset) -> None:
    assert preset.recall[0].test_set == COCO
    assert all(recall.source and 0.2 < recall.text_to_image < 0.8 for recall in preset.recall)
    assert is_multilingual(preset.reference) is ("many" in preset.languages)


@pytest.mark.slow
@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
def test_parameters_and_work_are_those_of_the_architecture(preset: Preset) -> None:
    """On torch's device without numbers, so nothing is calculated."""
    import open_clip
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    config = dict(tables.architecture(parse(preset.reference).name))
    size = config["vision_cfg"]["image_size"]
    assert config.pop("custom_text")
    with torch.device("meta"), torch.no_grad():
        model = open_clip.CustomTextCLIP(**config).eval().requires_grad_(False)
        with FlopCounterMode(display=False) as counter:
            model.visual(torch.zeros(1, 3, size, size))
    parameters = sum(weights.numel() for weights in model.parameters())
    assert round(parameters / 1e6, 2) == preset.parameters_m
    assert round(counter.get_total_flops() / 1e9, 2) == preset.image_gflops


@pytest.mark.parametrize("reference", RESEARCH_ONLY)
def test_research_only_models_are_models_with_a_licence(reference: str) -> None:
    assert str(parse(reference)) == reference
    assert licence_of(reference)


@pytest.mark.slow
def test_the_table_read_from_source_is_the_table_of_open_clip() -> None:
    import open_clip
    from open_clip.pretrained import get_pretrained_cfg

    ours = tables.published()
    pairs = {(name, tag) for name, tags in ours.items() for tag in tags}
    assert pairs == set(open_clip.list_pretrained())
    assert set(tables.architectures()) == set(open_clip.list_models())
    for name, tag in pairs:
        theirs, row = get_pretrained_cfg(name, tag), ours[name][tag]
        assert theirs["hf_hub"] == f"{row.repo}/{row.filename}"
        assert bool(theirs.get("quick_gelu")) == row.quick_gelu
        assert {key: theirs[key] for key in row.preprocess} == dict(row.preprocess)
