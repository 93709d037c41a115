"""Decoding in worker processes, which may crash, hang or run out of memory: that costs one file.

    caller → `pictures` → `pool` → `worker` (another process) → `images.decoding`, …

A worker is a plain subprocess that speaks over pipes (`messages`). The parent decides: it limits
the time (`conversation`) and the pixels that all workers decode at once (`images.budget`). The
worker limits its own memory (`limits`). Workers start when a picture is to be decoded, serve one
request after another, and end when they have been idle for a while, or with their parent.
"""
