"""What every program on an emulated host is made of: its clock, its loop, its sockets, its line to the driver."""
