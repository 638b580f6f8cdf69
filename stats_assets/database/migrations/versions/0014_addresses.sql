-- Revision 0014. What a feed says of how far its bodies are settled.

ALTER TABLE heads ADD COLUMN settled bigint;    -- the newest sequence whose body is final; -1: none; null: not said
