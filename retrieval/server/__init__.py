"""Pixtrieve over HTTP: a JSON API, and a page to look at. Needs the extra `server`.

guard.py       who may ask: host, origin, token, size; headers of every answer
desk.py        the thread that owns the library; waiting questions are encoded together
paths.py       what a question from outside may not have opened
pictures.py    bytes of pictures: only those that were indexed, checked by their hash
indexing.py    one indexing run at a time, watched from outside
state.py       what the routes share
routes/        the API, a module for each kind
mcp/           the library as tools for assistants; also without HTTP: `pixtrieve mcp`
app.py         all of it put together
static/        the page
"""
