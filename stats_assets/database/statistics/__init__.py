"""The statistics: kept up to date with the facts by difference, compared with them, made anew."""
