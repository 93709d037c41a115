"""The folder of a library: its catalogue, its one writer, its caches, and what it holds.

folder/
  catalogue.sqlite   the truth: files, pictures, vectors
  cache/             made from it; may be deleted at any time
  writer.lock        held by the process that writes
"""
