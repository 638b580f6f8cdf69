-- The login that may only read, or why there is none: one row, which nobody but the owner reads. The role itself and its
-- rights are made by each migration (reading_login.py), as roles are the server's and not the database's.

CREATE TABLE reading_login (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    name text,
    password text,
    trouble text
);
REVOKE ALL ON reading_login FROM PUBLIC;
COMMENT ON TABLE reading_login IS 'The login that may only SELECT; trouble: why there is none';
