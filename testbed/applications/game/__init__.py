"""Cloud-gaming sessions and meetings: video, commands, probes and elastic channels."""
