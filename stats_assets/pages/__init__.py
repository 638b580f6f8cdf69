"""The pages: what they ask and how they say it (pages/templates/, pages/static/). No HTTP and no SQL: they take answers."""
