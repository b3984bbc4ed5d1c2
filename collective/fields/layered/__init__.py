"""Flat interfaces: a half-space and a stack of layers, their Green's tensor by plane waves."""
