"""Beacons: a host sends a numbered packet to another at an interval, and the longest silence counts."""
