"""Dynamic bandwidth assignment: which T-CONT may send which bytes of each upstream frame.

`reference` is the ideal that a standard states in rates; the rest is an OLT that works frame by frame on
reports that are some frames old. Deliberately not here: carrying a map out, which is the kernel's.
"""
