"""The kiosks: enrolment, policies, feeds."""
