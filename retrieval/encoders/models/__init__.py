"""Which models there are, where their files lie, what they are, and how open_clip loads them."""
