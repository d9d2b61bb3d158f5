"""What runs over an emulated network: a folder for each kind of application, behind one interface."""
