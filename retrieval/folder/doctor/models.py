"""The model of a library: is it at hand, are its prepared files as they were written."""

from __future__ import annotations

import glob
import os
import shutil
from collections.abc import Iterator

from retrieval.encoders import identify, open_encoder
from retrieval.encoders.compiled import calibrations, exports, packs, towers
from retrieval.encoders.models.fingerprint import forget_digests
from retrieval.encoders.models.registry import require_files
from retrieval.encoders.text_cache import is_intact
from retrieval.errors import PixtrieveError
from retrieval.folder.doctor.findings import Finding, some
from retrieval.scoring import calibration
from retrieval.specs import ModelSpec
from retrieval.whole_file import read_record


def examine(spec: ModelSpec) -> Iterator[Finding]:
    """Yield what is wrong with the model that a library uses. Reads all of its files."""
    forget_digests()
    try:
        identity = identify(spec.name)
    except PixtrieveError as error:
        yield Finding("model.missing", "warning", error.message, hint=error.hint)
        return
    if identity.fingerprint != spec.fingerprint:
        yield Finding(
            "model.changed",
            "error",
            f"the model {spec.name} is not the one that indexed the library, or is damaged",
            hint="restore its files (the built-in model: reinstall Pixtrieve), or encode the "
            f"pictures with what is there: pixtrieve model use {spec.name}",
        )
        return
    yield from _graphs(spec)
    yield from _confidence(spec)
    yield from _small_caches(spec.fingerprint)


def _graphs(spec: ModelSpec) -> Iterator[Finding]:
    folder = exports.folder_of(spec.fingerprint)
    if spec.name == "pocket":
        if packs.read_pack(require_files(spec.name).weights, spec.fingerprint) is None:
            yield Finding(
                "model.graphs",
                "error",
                "the graphs of the built-in model are damaged",
                hint="reinstall Pixtrieve",
            )
        return
    there = os.path.exists(os.path.join(folder, exports.MANIFEST))
    if there and exports.read_export(spec.fingerprint) is None:
        yield Finding(
            "model.export",
            "error",
            f"the files prepared for {spec.name} in {folder} are damaged, or another version of "
            "Pixtrieve made them",
            "make them anew",
            mend=lambda: _export_again(spec.name),
        )


def _confidence(spec: ModelSpec) -> Iterator[Finding]:
    """Examine what the sureness of hits is computed from, beside the model's weights."""
    try:
        path = os.path.join(require_files(spec.name).folder, calibration.FILE)
    except PixtrieveError:  # not a model of files: one from Python
        return
    if os.path.exists(path) and read_record(path) is None:
        yield Finding(
            "model.confidence",
            "error",
            f"{path}, which tells how sure hits are, is damaged; it is not used",
            hint="reinstall Pixtrieve, or restore the file from where the model came from",
        )


def _export_again(name: str) -> str:
    open_encoder(name, device="cpu")
    return "made anew"


def _small_caches(fingerprint: str) -> Iterator[Finding]:
    damaged = _damaged(fingerprint)
    if damaged:
        yield Finding(
            "model.caches",
            "warning",
            f"damaged cached files of the model: {some(damaged)}",
            "delete them; they are made anew when they are needed",
            mend=lambda: _delete(damaged),
        )


def _damaged(fingerprint: str) -> list[str]:
    folder = exports.folder_of(fingerprint)
    found = [path for path in glob.glob(os.path.join(glob.escape(folder), "texts-*.f32"))
             if not is_intact(path)]  # fmt: skip
    for name in ("speeds.json", "cosines.json"):
        path = os.path.join(folder, name)
        if os.path.exists(path) and read_record(path) is None:
            found.append(path)
    int8 = calibrations.calibration_folder(fingerprint)
    if os.path.isdir(int8) and calibrations.read_calibration(fingerprint) is None:
        found.append(int8)
    for parent, _, names in os.walk(folder):
        if any(name.endswith(".blob") for name in names):
            found += [os.path.join(parent, name) for name in towers.damaged_towers(parent)]
    for place in glob.glob(os.path.join(glob.escape(folder), "shipped-*")):
        if not packs.is_intact(place):
            found.append(place)
    return sorted(found)


def _delete(paths: list[str]) -> str:
    for path in paths:
        if os.path.isdir(path):
            shutil.rmtree(path, ignore_errors=True)
        elif os.path.exists(path):
            os.unlink(path)
    return f"deleted {len(paths)} files"
