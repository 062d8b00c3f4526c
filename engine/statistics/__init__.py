"""Intervals, paired tests and families of tests: numbers in, numbers out. Imports nothing else of engine."""
