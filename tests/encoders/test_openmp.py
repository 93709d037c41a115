"""torch and faiss bring an OpenMP runtime each; both must work in one process, in either order."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import models
from support.waiting import SUBPROCESS_S

WORK = """
import sys
import numpy as np
{imports}
from retrieval.encoders import open_encoder

encoder = open_encoder("local-dir:" + sys.argv[1], device="cpu")
pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 96, 3), np.uint8)
for _ in range(3):
    vectors = encoder.encode_images(pixels)
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    many = np.repeat(vectors, 50, axis=0)
    scores, ids = index.search(many, 3)
    exact = many @ vectors.T
    np.testing.assert_allclose(scores[:, 0], exact.max(axis=1), atol=1e-5)
    encoder.encode_texts(["two dogs"] * 8)
print("done", faiss.omp_get_max_threads() > 0)
"""


@pytest.mark.slow
@pytest.mark.parametrize("imports", ["import torch, faiss", "import faiss, torch", "import faiss"])
def test_torch_and_faiss_in_one_process(tmp_path: Path, imports: str) -> None:
    folder = models.save("oblong", tmp_path / "model")
    run = [sys.executable, "-c", WORK.format(imports=imports), str(folder)]
    environment = {key: value for key, value in os.environ.items() if key != "KMP_DUPLICATE_LIB_OK"}
    result = subprocess.run(
        run, capture_output=True, text=True, timeout=SUBPROCESS_S, env=environment, check=False
    )
    assert (result.returncode, result.stdout) == (0, "done True\n"), result.stderr
    assert result.stderr == ""
