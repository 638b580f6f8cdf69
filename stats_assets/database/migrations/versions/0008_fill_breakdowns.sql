-- Revision 0008: what is shown of the owners that are there.

UPDATE aggregates AS g SET (
    first_edit, last_edit, editor_changesets, editor_edits, day_changesets, day_edits, country_changesets,
    country_edits, hashtag_changesets, hashtag_edits, user_changesets, user_edits
) = (SELECT * FROM breakdowns_of(g.owner, g.a, g.b));
