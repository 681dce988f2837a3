// A step of the schema: intents of one commit share a row, see sqlite-intents.ts.
export const INTENT_GROUPS = `
CREATE TABLE intent_groups (
  no INTEGER PRIMARY KEY,
  mark TEXT NOT NULL, -- id of its first intent: numbers are given out again, ids are not
  intents TEXT NOT NULL -- JSON array of rows
) STRICT;

INSERT INTO intent_groups (mark, intents)
SELECT id, json_array(json_array(id, created_at, deadline_at, subject, estimate_nano_usd, json(estimate_usage), price_version, json(holds)))
FROM intents WHERE NOT EXISTS (SELECT 1 FROM entries e WHERE e.id = intents.id) ORDER BY id;

DROP TABLE intents;
`
