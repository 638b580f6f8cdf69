"""What the numbers mean, why other tools say otherwise, and what becomes of names: texts, no questions."""

from stats_assets.pages.page import Page
from stats_assets.pages.visit import Visit

PARTS = ("counting", "differences", "privacy")


def about(visit: Visit, part: str = "", contact: str | None = None) -> Page | None:
    """`/about`, `/about/PART`; None: there is no such part."""
    language = visit.language
    links = [(language.say(one), visit.elsewhere(f"/about/{one}"), one == part) for one in PARTS]
    if not part:
        return Page("about.html", str(language.say("about")), {"links": links, "sentences": [], "part": part})
    if part not in PARTS:
        return None
    keys = [f"{part}_{number}" for number in range(1, 40)]
    sentences = [language.say(key) for key in keys if language.knows(key)]
    told = {"links": links, "sentences": sentences, "part": part, "contact": contact}
    return Page("about.html", str(language.say(part)), told)
