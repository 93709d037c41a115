"""Pixtrieve over HTTP: a JSON API and a web page. Needs the extra `server`.

guard.py           checks every request: host, origin, token, size; adds headers to responses
library_thread.py  the thread that owns the library; encodes waiting queries together
paths.py           refuses queries that would open files or web addresses
picture_files.py   bytes of indexed pictures, checked by their hash
downloads.py       chosen pictures as a zip, a table or a list
search_fields.py   request fields, built from the search options
jobs.py            background jobs: the map, duplicates
indexing.py        one indexing run at a time, with progress
state.py           what the routes share
routes/            the API, one module per topic
mcp/               the library as tools for assistants; also without HTTP: `pixtrieve mcp`
app.py             puts it all together
static/            the page
"""
