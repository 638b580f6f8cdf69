"""The pages: what they ask and how they say it (templates and static files beside). They know no HTTP and no SQL."""
