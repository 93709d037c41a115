"""Real files to mutate, made here: small pictures of every format, with all kinds of metadata."""

from __future__ import annotations

import functools
import io
import sys
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pillow_heif
from PIL import Image, PngImagePlugin

sys.path.append(str(Path(__file__).parents[2] / "tests"))

from support.raw_files import KINDS as RAW_KINDS
from support.raw_files import Shot

XMP = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:'
    b'meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    b'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:exif="http://ns.adobe.com/exif/1.0/" '
    b'exif:DateTimeOriginal="2021-05-12T12:21:21"><dc:title><rdf:Alt><rdf:li xml:lang="x-default">'
    b"A quiet lake</rdf:li></rdf:Alt></dc:title><dc:subject><rdf:Bag><rdf:li>lake</rdf:li><rdf:li>"
    b"dawn</rdf:li></rdf:Bag></dc:subject></rdf:Description></rdf:RDF></x:xmpmeta>"
    b'<?xpacket end="w"?>'
)


def drawn(mode: str = "RGB", size: tuple[int, int] = (24, 16)) -> Image.Image:
    """Return a picture with edges and slopes."""
    picture = Image.linear_gradient("L").resize(size)
    picture.paste(200, (3, 3, 9, 12))
    if mode in ("RGB", "RGBA", "CMYK", "P", "YCbCr", "LA", "1"):
        colours = (picture, picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT), picture.rotate(90))
        picture = Image.merge("RGB", [each.resize(size) for each in colours])
    if mode == "LA":
        picture = picture.convert("L")
    return picture.convert(mode)


@functools.cache
def exif_block() -> bytes:
    """Return an EXIF block with camera, exposure, position, texts and an orientation."""
    exif = Image.Exif()
    exif[0x010E], exif[0x010F], exif[0x0110], exif[0x0112] = "a lake", "Maker", "Model 5", 6
    exif[0x0132] = "2021:05:12 12:21:21"
    exif[0x9C9B] = "Titel".encode("utf-16-le")
    details = exif.get_ifd(0x8769)
    details[0x9003], details[0x9291], details[0x829A] = "2021:05:12 12:21:21", "123", 0.005
    details[0x829D], details[0x8827], details[0x920A] = 2.8, 200, 35.0
    details[0x9286] = b"UNICODE\0" + "Grüße".encode("utf-16-le")
    details[0xA434] = "35mm f/2.8"
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2], gps[3], gps[4] = "N", (48.0, 51.0, 30.5), "E", (2.0, 21.0, 7.25)
    return exif.tobytes()


def saved(picture: Image.Image, kind: str, **how: Any) -> bytes:
    """Return a picture as a file of some kind."""
    file = io.BytesIO()
    picture.save(file, kind, **how)
    return file.getvalue()


@functools.cache
def pictures() -> dict[str, bytes]:
    """Return a small file of every format that is read, by a name for it."""
    text = PngImagePlugin.PngInfo()
    text.add_text("Title", "a lake", zip=True)
    text.add_itxt("XML:com.adobe.xmp", XMP.decode())
    exif = exif_block()
    found = {
        "PNG": saved(drawn(), "PNG", pnginfo=text, exif=exif),
        "PNG, palette": saved(drawn("P"), "PNG"),
        "PNG, alpha": saved(drawn("RGBA"), "PNG"),
        "PNG, 16 bits": saved(drawn("L").convert("I;16"), "PNG"),
        "APNG": _animated("PNG"),
        "JPEG": saved(drawn(), "JPEG", exif=exif, xmp=XMP),
        "JPEG, progressive": saved(drawn(), "JPEG", progressive=True, icc_profile=bytes(200)),
        "JPEG, CMYK": saved(drawn("CMYK"), "JPEG"),
        "MPO": _animated("MPO"),
        "GIF": saved(drawn("P"), "GIF"),
        "GIF, animated": _animated("GIF"),
        "BMP": saved(drawn(), "BMP"),
        "BMP, palette": saved(drawn("P"), "BMP"),
        "TIFF": saved(drawn(), "TIFF", exif=exif),
        "TIFF, LZW": saved(drawn(), "TIFF", compression="tiff_lzw"),
        "TIFF, JPEG": saved(drawn(), "TIFF", compression="jpeg"),
        "TIFF, deflate": saved(drawn("CMYK"), "TIFF", compression="tiff_adobe_deflate"),
        "TIFF, fax": saved(drawn("1"), "TIFF", compression="group4"),
        "TIFF, pages": _animated("TIFF"),
        "WebP": saved(drawn(), "WEBP", exif=exif, xmp=XMP),
        "WebP, lossless": saved(drawn("RGBA"), "WEBP", lossless=True),
        "WebP, animated": _animated("WEBP"),
        "PPM": saved(drawn(), "PPM"),
        "PGM": saved(drawn("L"), "PPM"),
        "PFM": saved(drawn("L").convert("F"), "PPM"),
        "plain PPM": b"P3 # a comment\n3 2 255\n255 0 0 0 255 0 0 0 255 255 255 0 1 2 3 9 9 9",
        "JPEG 2000": saved(drawn(), "JPEG2000"),
        "AVIF": saved(drawn(), "AVIF", exif=exif),
    }
    with suppress(RuntimeError, OSError):  # a build without an encoder for HEVC
        found["HEIC"] = _heic(exif)
    return found


def _animated(kind: str) -> bytes:
    return saved(drawn(), kind, save_all=True, append_images=[drawn().rotate(180)])


def _heic(exif: bytes) -> bytes:
    file = io.BytesIO()
    pillow_heif.from_pillow(drawn(size=(64, 64))).save(file, exif=exif)
    return file.getvalue()


@functools.cache
def raw_files() -> dict[str, bytes]:
    """Return a raw file of every kind."""
    shot = Shot(saved(drawn(size=(240, 160)), "JPEG"), saved(drawn(), "JPEG"), 6)
    return {name: make(shot) for name, (_, make) in RAW_KINDS.items()}


def _tar(members: Mapping[str, bytes], mode: str = "w") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            info.pax_headers = {"comment": "x"}
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def _zip(members: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def _parquet(members: Mapping[str, bytes]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [
        {"image": {"bytes": data, "path": name}, "text": name} for name, data in members.items()
    ]
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), out)
    return out.getvalue()


ARCHIVES: dict[str, Callable[[Mapping[str, bytes]], bytes]] = {
    "a.tar": _tar,
    "a.tar.gz": functools.partial(_tar, mode="w:gz"),
    "a.zip": _zip,
    "a.parquet": _parquet,
    "a.csv": lambda members: "".join(
        ("file_name,text\n", *(f"{name},a dog\n" for name in members))
    ).encode(),
    "a.jsonl": lambda members: "".join(
        f'{{"url": "https://e.com/{name}", "text": ["a", "b"], "n": 1}}\n' for name in members
    ).encode(),
}
"""Makes archives and lists of members, by the name of the file."""
