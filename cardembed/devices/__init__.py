"""Phones and Macs: what the host asks of a device, what the device answers, and how that becomes evidence.

The host writes a request (photos, artefact, nonce), a device app or the stand-in executes it and writes a
response, and the host checks that and signs it as an evidence bundle. See docs/DEVICES.md.
"""
