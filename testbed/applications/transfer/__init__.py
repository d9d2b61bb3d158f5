"""Bulk transfers between compute nodes, over all planes of a fabric."""
