-- Revision 0013. Users by the beginning of their names, whatever the letters' case.

CREATE INDEX users_beginning ON users (lower(name) text_pattern_ops);
