"""Stores recorded for ever: a centre and its kiosks with something open in every state (`make record NAME=form-2`)."""
