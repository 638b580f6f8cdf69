-- Revision 0005. What verifications say of all statistics, until the next that says otherwise. How far each is, passes keeps.

CREATE TABLE verdicts (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),  -- a single row; none: nothing was ever verified to the end
    state text NOT NULL CHECK (state IN ('exact', 'differs', 'rebuilt')),
    at timestamptz NOT NULL,
    differences bigint NOT NULL,
    examples text[] NOT NULL
);
COMMENT ON TABLE verdicts IS 'Whether all statistics are what the facts say, as the last verification or rebuild left it';

-- What passes have found before is a verdict.
INSERT INTO verdicts (state, at, differences, examples)
SELECT CASE WHEN found > 0 THEN 'differs' ELSE 'exact' END, at, found, '{}'
FROM (
    SELECT max(greatest(differences, differences_before)) AS found,
        coalesce(max(ended), max(began), now()) AS at, bool_or(ended IS NOT NULL) AS ended
    FROM passes WHERE name <> 'rebuild'
) AS known
WHERE found > 0 OR ended;
