"""Overhead scenes with known objects, drawn from a seed."""
