"""Three nodes of a Ray cluster, one of which is killed midway."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support.data_sets import contents_of, encode, merge, png, tar
from support.fakes import FakeEncoder
from support.slow_encoder import SlowEncoder

from retrieval import Library
from retrieval.errors import ModelError, ModelMismatch
from retrieval.images.sources.naming import sources_of
from retrieval.indexing.shards.encoding import EncodeOptions
from retrieval.indexing.shards.running import EncodeProgress, encode_sources

ray = pytest.importorskip("ray")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # Ray's own, of sockets and old calls
]

TARS, PICTURES = 12, 6


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A cluster of three nodes on this machine, to which this process is connected."""
    from ray.cluster_utils import Cluster

    tests = str(Path(__file__).parents[1])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([tests, os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    # One processor a node, so that each of three workers is on a node of its own.
    made: Any = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        made.others = [made.add_node(num_cpus=1) for _ in range(2)]
        ray.init(address=made.address, log_to_driver=False)
        yield made
    finally:
        ray.shutdown()
        made.shutdown()


def test_a_killed_node_changes_nothing(cluster: Any, tmp_path: Path) -> None:
    from retrieval.indexing.shards.ray_engine import RayEngine

    sources = [
        str(
            tar(
                tmp_path / f"{number:02}.tar",
                {f"{n}.png": png((number * 20, n * 40, 99)) for n in range(PICTURES)}
                | ({"bad.png": b"no picture"} if number == 3 else {}),
            )
        )
        for number in range(TARS)
    ]
    log = tmp_path / "log"
    make = partial(SlowEncoder, str(log), 0.3)
    engine = RayEngine(make, "fake-1", address=cluster.address, workers=3)
    options = EncodeOptions(threads=1)
    victim, killed = cluster.others[0], threading.Event()

    def kill_a_node(state: EncodeProgress) -> None:
        if state.written >= 2 and not killed.is_set():
            killed.set()
            cluster.remove_node(victim, allow_graceful=False)

    state = encode_sources(
        sources_of(sources),
        str(tmp_path / "out"),
        FakeEncoder().spec,
        engine,
        options,
        on_progress=kill_a_node,
    )
    assert killed.is_set()
    assert (state.written, state.failures) == (TARS, [])
    assert [trouble.path for trouble in state.troubles] == [f"{tmp_path}/03.tar/bad.png"]
    assert len(list((tmp_path / "out/shards").iterdir())) == TARS
    # Each node has one worker, so no more than one shard is repeated.
    colours = [json.dumps(colour) for colour in json.loads(f"[{log.read_text()[:-1]}]")]
    assert len(set(colours)) == TARS * PICTURES
    assert len(colours) - len(set(colours)) <= PICTURES

    encode(FakeEncoder(), tmp_path / "local", *sources)
    with (
        Library.create(tmp_path / "one", FakeEncoder()) as one,
        Library.create(tmp_path / "two", FakeEncoder()) as two,
    ):
        merge(one, tmp_path / "out")
        merge(two, tmp_path / "local")
        assert contents_of(one) == contents_of(two)
        assert one.status().counts.images == TARS * PICTURES

    # Nodes that have other weights, or cannot load the model, end the run with the reason.
    for wrong, error in (
        (partial(FakeEncoder, "other"), ModelMismatch),
        (partial(_unloadable), ModelError),
    ):
        engine = RayEngine(wrong, "fake-1", address=cluster.address, workers=1)
        with pytest.raises(error):
            encode_sources(
                sources_of(sources[:1]),
                str(tmp_path / error.__name__),
                FakeEncoder().spec,
                engine,
                options,
            )


def _unloadable() -> FakeEncoder:
    raise ModelError("the model is not there", "fetch it")
