"""The pages: what they ask and how they say it (templates/, static/). No HTTP and no SQL: they take answers."""
