"""Search: embed queries, rank pictures, and arrange the hits."""
