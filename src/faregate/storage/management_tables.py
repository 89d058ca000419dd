"""The tables of what the management API keeps for its callers."""

import sqlalchemy as sa

from faregate.storage.tables import metadata

idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    # SHA-256 of who sent it, and of the key.
    sa.Column("hash", sa.LargeBinary(32), primary_key=True),
    sa.Column("created_ns", sa.BigInteger, nullable=False),
    # The fingerprint of the request, and the reply once there is one.
    sa.Column("sealed", sa.Text, nullable=False),
)
sa.Index("ix_idempotency_keys_created_ns", idempotency_keys.c.created_ns)
