"""A library's folder: opening its catalogue, locking it, its status, backups and other paths.

folder/
  catalogue.sqlite   the primary data: files, pictures, vectors
  moves/             logs of moved duplicates
  cache/             derived from the catalogue; can be deleted at any time
  writer.lock        held by the process that writes
  writer.json        which process that is, for the error message of another one
  run.json           what the run that is going on, or the last one, has done so far
"""
