"""Runs beside each other: what differs, and what that shows. Pure; launches nothing itself."""
