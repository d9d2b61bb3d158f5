"""What programs on emulated hosts are made of: the clock, the loop, sockets, the line to the driver."""
