"""A small service, as Temporal's samples lay one out (message_passing/safe_message_handlers).

Activities with their inputs and results in one module, which the workflows pass through the
sandbox; workflows with theirs in another, with helpers of their own.
"""
