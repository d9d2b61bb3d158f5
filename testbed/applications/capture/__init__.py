"""Captures: the packets that pass the ports of a station, as pcapng."""
