"""Recorder, statistics, evidence, gate, report."""
