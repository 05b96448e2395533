"""The Postgres side that the services share: catalogue, tenant schemas, contracts with clients.

Import from the modules; this file stays empty so that a workflow that needs a contract does not
load a database driver.
"""
