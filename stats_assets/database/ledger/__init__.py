"""The ledger: what became of each sequence, where each stream stands, who is at work, what a feed was asked."""
