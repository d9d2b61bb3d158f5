"""Mixture-of-experts models: ranks on compute nodes that exchange tokens, layer after layer."""
