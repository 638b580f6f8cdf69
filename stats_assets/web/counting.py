"""How this server counts, as its settings' files say it now."""

from stats_assets.database.answers.asked import Counting
from stats_assets.questions.vocabulary import Vocabulary
from stats_assets.settings import Settings
from stats_assets.system import Stats


def counting_of(settings: Settings) -> Counting:
    """Categories, definitions, and how long numbers may change. Raises CategoriesError, RegionsError."""
    stats = Stats(settings)
    table = stats.categories
    return Counting(
        Vocabulary(
            tuple(
                (name, tuple(filter(None, (category.length, category.area))))
                for name, category in table.categories.items()
            )
        ),
        stats.definitions("augmented_diffs"),
        settings.settle_seconds,
    )
