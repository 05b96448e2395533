"""Real servers as child processes, for a laptop and for tests: Temporal, Postgres, SMTP, OTLP.

Every program comes from a PyPI wheel. Import from the modules; this package knows no product.
"""
