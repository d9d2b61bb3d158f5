"""Programs of the user on emulated hosts."""
