"""Pictures of answers: posters, badges, and how they become PNG. They know no HTTP and no SQL, and name nobody."""
