"""Where a run takes place: on this machine's kernel (`host`) or in the embedded one (`virtual`).

`venue.py` has the protocol and `registry.py` the names. Other packages do not depend on the venue.
"""
