-- Revision 0005. Which code may work with this schema, for code that is older than its revision: see found.py.

CREATE TABLE schema_marks (
    oldest_code text NOT NULL   -- the newest revision that the oldest such code knows
);
COMMENT ON TABLE schema_marks IS 'One row; a revision that older code can''t work with raises it, one that adds does not';
INSERT INTO schema_marks VALUES ('0005');
