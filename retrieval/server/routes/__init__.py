"""The routes, one module per topic; each has a function that builds a router."""
