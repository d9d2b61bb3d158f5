"""Inference services: a model on a node, and clients that send it prompts and wait for tokens."""
