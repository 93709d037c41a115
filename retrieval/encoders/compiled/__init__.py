"""Exported models at work: in every precision, each tower compiled when it is needed."""
