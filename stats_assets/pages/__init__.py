"""The pages: what they ask and how they say it (pages/templates/, pages/static/). They know no HTTP and no SQL."""
