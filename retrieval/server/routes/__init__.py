"""The routes, a module for each kind; each makes a router around what is shared."""
