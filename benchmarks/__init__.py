"""Measurements beside the tests, and the networks they run on."""
