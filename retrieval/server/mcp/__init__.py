"""The library as tools for assistants: Model Context Protocol. Needs the extra `mcp`.

arguments.py   what each tool may be asked: the schemas that a model reads
answers.py     what each tool answers with, and how rows become that
images.py      small pictures in a form that assistants take
tools.py       the four tools, over the desk
protocol.py    the official SDK's server around them; errors in words
stdio.py       over standard input and output: `pixtrieve mcp`
http.py        over HTTP, beneath the guard: `/mcp` of `pixtrieve serve`
"""
