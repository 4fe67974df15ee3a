"""The kiosks: enrolment tokens, policies, feeds."""
