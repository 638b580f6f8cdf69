"""What can be asked of the numbers, as plain values: no SQL, no HTTP, no pages."""
