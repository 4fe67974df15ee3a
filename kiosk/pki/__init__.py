"""Algorithm suites, requests, certificates and the issuing CA."""
