"""worker-jobs: the system's own light, frequent work."""
