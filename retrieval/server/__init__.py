"""Pixtrieve over HTTP: a JSON API, and a page to look at. Needs the extra `server`.

guard.py       who may ask: host, origin, token, size; headers of every answer
desk.py        the thread that owns the library; waiting questions are encoded together
pictures.py    bytes of pictures: only those that were indexed, checked by their hash
indexing.py    one indexing run at a time, watched from outside
app.py         the routes
static/        the page
"""
