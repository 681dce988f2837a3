// A step of the schema: prompts and answers that are kept.
export const PROMPTS = `
CREATE TABLE prompts (
  request TEXT PRIMARY KEY,
  at INTEGER NOT NULL,
  key_id TEXT NOT NULL,
  team_id TEXT,
  end_user TEXT,
  route TEXT NOT NULL,
  deployment TEXT,
  mode TEXT NOT NULL,
  prompt_hash TEXT NOT NULL,
  system_hash TEXT NOT NULL,
  characters INTEGER NOT NULL,
  content BLOB -- JSON, compressed; NULL: only the hashes are kept
) STRICT;
CREATE INDEX prompts_by_time ON prompts (at, request);
CREATE INDEX prompts_by_key ON prompts (key_id);
`
