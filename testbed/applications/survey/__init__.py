"""The survey: delays between nodes and other stations, measured all along for placement."""
