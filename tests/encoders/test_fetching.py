from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.fake_hub import FakeHub, refusing_address, serving, silent_server
from support.model_files import SMALL_CONFIG

from retrieval.encoders.models import cache, fetching, registry
from retrieval.encoders.models.fetching import Fetched, fetch, redacted
from retrieval.encoders.models.references import parse
from retrieval.errors import ModelError, ModelNotFound, ModelUnavailable

MEGABYTE = os.urandom(1 << 20) * 25  # more than two of the client's chunks of 10 MB
PLAIN = "ViT-B-32/laion2b_s34b_b79k"
LARGER = "ViT-B-16/laion2b_s34b_b88k"
PIECES = "ViT-SO400M-14-SigLIP-384/webli"
"""Its tokenizer is of another repository than its weights."""
PLAIN_REPO = "laion/CLIP-ViT-B-32-laion2B-s34B-b79K"


@pytest.fixture(autouse=True)
def fresh_connections() -> Iterator[None]:
    """The hub's client keeps one session, with the proxies of when it was made."""
    from huggingface_hub import close_session

    close_session()
    yield
    close_session()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    repos = {
        PLAIN_REPO: {"open_clip_pytorch_model.bin": MEGABYTE},
        "timm/ViT-SO400M-14-SigLIP-384": {"open_clip_model.safetensors": b"tensors"},
        "timm/ViT-B-16-SigLIP": {"tokenizer.json": b"{}", "tokenizer_config.json": b"{}"},
        "me/mine": {
            "open_clip_config.json": json.dumps(SMALL_CONFIG).encode(),
            "open_clip_model.safetensors": b"tensors",
        },
        "me/other": {"open_clip_config.json": json.dumps(SMALL_CONFIG).encode()},
    }
    with serving(repos) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server


def nothing_half_made() -> bool:
    names = [name for _folder, _dirs, names in os.walk(cache.hub_cache()) for name in names]
    return not any("incomplete" in name or "tmp" in name for name in names)


def ignore(_record: Fetched) -> None:
    pass


def test_a_model_is_fetched_with_progress(hub: FakeHub) -> None:
    records: list[Fetched] = []
    paths = fetch(PLAIN, records.append)
    assert paths == registry.on_disk(parse(PLAIN))
    assert Path(paths[0]).read_bytes() == MEGABYTE
    assert len(records) >= 3
    last = records[-1]
    assert last.model == PLAIN
    assert last.file == "open_clip_pytorch_model.bin"
    assert last.done == last.total == len(MEGABYTE)
    assert [record.done for record in records] == sorted(record.done for record in records)

    hub.asked.clear()
    assert fetch(PLAIN, ignore) == paths
    assert hub.asked == []


def test_a_tokenizer_of_the_hub_comes_along(hub: FakeHub) -> None:
    names = [Path(path).name for path in fetch(PIECES, ignore)]
    assert names == [
        "open_clip_model.safetensors", "tokenizer.json", "tokenizer_config.json",
    ]  # fmt: skip


def test_a_repository_is_fetched_with_its_configuration(hub: FakeHub) -> None:
    fetch("hf-hub:me/mine", ignore)
    assert registry.found_on_disk() == ("hf-hub:me/mine",)
    assert registry.identify("hf-hub:me/mine").reference == "hf-hub:me/mine"


def test_a_download_that_broke_off_goes_on_where_it_was(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    hub.cut_at, hub.cuts = 11 << 20, 2
    paths = fetch(PLAIN, ignore)
    assert Path(paths[0]).read_bytes() == MEGABYTE
    assert len(hub.ranges) == 2


def test_a_download_that_fails_leaves_nothing_half_made(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    hub.cut_at, hub.cuts = 0, 99
    with pytest.raises(ModelUnavailable, match="could not be fetched"):
        fetch(PLAIN, ignore)
    assert nothing_half_made()
    assert registry.on_disk(parse(PLAIN)) == ()
    hub.cuts = 0
    assert fetch(PLAIN, ignore)


def test_an_interrupted_download_leaves_nothing_half_made(hub: FakeHub) -> None:
    def interrupt(_record: Fetched) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(PLAIN, interrupt)
    assert nothing_half_made()
    assert registry.on_disk(parse(PLAIN)) == ()


def test_proxies_are_used(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", hub.url)
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.invalid")
    fetch("hf-hub:me/mine", ignore)
    assert any("http://hub.invalid/" in line for line in hub.asked)


def test_a_repository_that_is_not_there(hub: FakeHub) -> None:
    with pytest.raises(ModelNotFound, match="no repository me/nowhere"):
        fetch("hf-hub:me/nowhere", ignore)


def test_a_repository_without_weights(hub: FakeHub) -> None:
    with pytest.raises(ModelNotFound, match=r"me/other has no file open_clip_model\.safetensors"):
        fetch("hf-hub:me/other", ignore)


def test_a_local_model_needs_no_fetching(folder_model: Path) -> None:
    assert fetch(f"local-dir:{folder_model}", ignore)
    with pytest.raises(ModelNotFound):
        fetch("local-dir:/no/where", ignore)


def refused(model: str = LARGER) -> ModelError:
    """Return the error of a fetch that begins no download."""
    with pytest.raises(ModelUnavailable) as caught:
        fetch(model, ignore)
    assert nothing_half_made()
    return caught.value


def test_no_network_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", refusing_address())
    error = refused()
    assert "ViT-B-16/laion2b_s34b_b88k" in error.message
    assert "cannot be reached" in error.message
    folder = "models--laion--CLIP-ViT-B-16-laion2B-s34B-b88K"
    assert os.path.join(cache.hub_cache(), folder) in error.hint
    assert "pixtrieve models fetch ViT-B-16/laion2b_s34b_b88k" in error.hint
    assert "local-dir:FOLDER" in error.hint
    assert "--checkpoint FILE" in error.hint


def test_no_network_name_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.invalid")
    assert "http://hub.invalid" in refused().message


def test_no_network_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with silent_server() as url:
        monkeypatch.setenv("HF_ENDPOINT", url)
        error = refused(PIECES)
    assert re.search(r"cannot be reached \((timed out|no answer in \d)", error.message)
    assert fetching._ANSWER_WITHIN < 5
    assert "models--timm--ViT-B-16-SigLIP" in error.hint  # the tokenizer's folder, too


def test_a_broken_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", refusing_address())
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.invalid")
    refused()


def test_a_hub_that_is_down(hub: FakeHub) -> None:
    hub.status = 503
    assert "503" in refused().message


def test_offline_mode_is_obeyed(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "HF_HUB_OFFLINE" in refused().message
    assert hub.asked == []


def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    address = refusing_address().replace("http://", "http://me:swordfish@")
    monkeypatch.setenv("HF_ENDPOINT", address)
    monkeypatch.setenv("HF_TOKEN", "not-of-the-usual-form")
    error = refused()
    assert "swordfish" not in error.message + error.hint
    assert redacted("a hf_abcdefghij b not-of-the-usual-form") == "a *** b ***"


def test_nothing_reaches_the_screen(
    hub: FakeHub, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    fetch(PLAIN, ignore)
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []
