// A step of the schema: evidence of quality. What is said of a request is one row for each source and kind; the sums by day outlive it.
export const EVIDENCE = `
CREATE TABLE answered_requests (
  id TEXT PRIMARY KEY,
  at INTEGER NOT NULL,
  key_id TEXT NOT NULL,
  team_id TEXT,
  route TEXT NOT NULL,
  deployment TEXT NOT NULL,
  shares TEXT NOT NULL -- JSON: belief in each task
) STRICT, WITHOUT ROWID;
CREATE INDEX answered_requests_by_time ON answered_requests (at);

CREATE TABLE evidence (
  request TEXT NOT NULL,
  source TEXT NOT NULL,
  kind TEXT NOT NULL,
  at INTEGER NOT NULL,
  deployment TEXT NOT NULL,
  task TEXT NOT NULL,
  quality REAL NOT NULL,
  weight REAL NOT NULL,
  comment TEXT,
  PRIMARY KEY (request, source, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX evidence_by_time ON evidence (at);

CREATE TABLE evidence_days (
  day INTEGER NOT NULL, -- since the epoch
  deployment TEXT NOT NULL,
  task TEXT NOT NULL,
  kind TEXT NOT NULL,
  pieces INTEGER NOT NULL,
  weight REAL NOT NULL,
  good REAL NOT NULL, -- sum of weight × quality
  PRIMARY KEY (day, deployment, task, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE quality_scores (
  deployment TEXT NOT NULL,
  scope TEXT NOT NULL,
  task TEXT NOT NULL,
  state TEXT NOT NULL, -- JSON, see lab/score.ts
  PRIMARY KEY (deployment, scope, task)
) STRICT, WITHOUT ROWID;

CREATE TABLE lab_states (name TEXT PRIMARY KEY, state TEXT NOT NULL) STRICT, WITHOUT ROWID;
`
