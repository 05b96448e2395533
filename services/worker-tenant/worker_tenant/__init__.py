"""worker-tenant: provisions, deletes and onboards. Heavy database work, few at a time."""
