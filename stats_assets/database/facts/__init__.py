"""The facts: what each sequence says of each changeset, users, and the partitions and ranges that they are kept in."""
