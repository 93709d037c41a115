"""The library as tools for assistants: Model Context Protocol. Needs the extra `mcp`.

arguments.py   arguments of each tool: the schemas that a model reads
answers.py     results of each tool, and how they are built from the library
images.py      pictures as JPEGs for assistants
tools.py       the four tools, on the library thread
protocol.py    the official SDK's server around them; errors as text
stdio.py       over standard input and output: `pixtrieve mcp`
http.py        over HTTP, behind the guard: `/mcp` of `pixtrieve serve`
"""
