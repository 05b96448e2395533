-- Which of a tenant's activities are in flight: a row is one of the places that a workload gives each
-- tenant. A process renews what it holds; what a dead one held is free when it expires.
CREATE TABLE tenant_leases (
    workload   text NOT NULL,
    tenant     text NOT NULL,
    place      integer NOT NULL CHECK (place > 0),
    holder     uuid NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (workload, tenant, place)
);
