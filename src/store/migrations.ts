// The schema of the SQLite store as a list of steps. The file's `user_version` says how many of them it has seen; a step
// that has been released is never edited again.
//
// Why it looks like this: a request costs two rows (entry, request) and its share of one (intents), and its time goes into
// the pages that a commit dirties. So whatever repeats is written once and referred to by a number: `subjects` holds each
// distinct combination of dimensions, `words` short texts (key ids, price versions). Ids sort by time, so what is ordered by
// id grows at its end. What would dirty a page for each row of a commit (the list of each key's requests)
// is tidied up in bulk, every few hundred requests. Money is a 64-bit integer everywhere.

import { EVIDENCE } from './migration-evidence.ts'
import { HEAD_INPUTS, HEAD_INPUTS_BY_TIME } from './migration-head-inputs.ts'
import { INTENT_GROUPS } from './migration-intents.ts'
import { PROMPTS } from './migration-prompts.ts'
import { REPORTS } from './migration-reports.ts'

const BASE = `
CREATE TABLE teams (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE virtual_keys (
  id TEXT PRIMARY KEY,
  team_id TEXT REFERENCES teams (id),
  created_at INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX virtual_keys_by_time ON virtual_keys (created_at, id);
CREATE INDEX virtual_keys_by_team ON virtual_keys (team_id, created_at, id);

CREATE TABLE key_secrets (
  hash TEXT PRIMARY KEY,
  key_id TEXT NOT NULL REFERENCES virtual_keys (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  hint TEXT NOT NULL,
  expires_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX key_secrets_by_key ON key_secrets (key_id, position);

CREATE TABLE admin_tokens (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE words (no INTEGER PRIMARY KEY, word TEXT NOT NULL UNIQUE) STRICT;

CREATE TABLE subjects (
  no INTEGER PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE, -- of all the columns below: NULLs would never be equal in a unique index over them
  key_id TEXT NOT NULL,
  team_id TEXT,
  end_user TEXT,
  tags TEXT NOT NULL, -- JSON array
  requested_model TEXT NOT NULL,
  route TEXT NOT NULL,
  operation TEXT NOT NULL,
  dialect TEXT NOT NULL,
  provider TEXT, -- NULL: the request reached none
  model TEXT
) STRICT;

CREATE TABLE intents (
  id TEXT PRIMARY KEY,
  created_at INTEGER NOT NULL,
  deadline_at INTEGER NOT NULL,
  subject INTEGER NOT NULL,
  estimate_nano_usd INTEGER NOT NULL,
  estimate_usage TEXT NOT NULL,
  price_version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE entries (
  id TEXT PRIMARY KEY,
  at INTEGER NOT NULL,
  subject INTEGER NOT NULL,
  status INTEGER NOT NULL, -- place in ENTRY_STATUSES
  estimated INTEGER NOT NULL, -- 1: the usage was counted by us
  usage TEXT NOT NULL, -- JSON object of the units that are not 0
  cost_nano_usd INTEGER NOT NULL,
  unpriced INTEGER NOT NULL,
  price_version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE requests (
  seq INTEGER PRIMARY KEY, -- order of completion: newest is highest
  id TEXT NOT NULL UNIQUE,
  key INTEGER NOT NULL, -- words.no of the key's id
  at INTEGER NOT NULL,
  subject INTEGER NOT NULL,
  status INTEGER NOT NULL,
  error_code TEXT,
  client_request_id TEXT,
  stream INTEGER NOT NULL,
  duration_us INTEGER NOT NULL,
  ttft_us INTEGER,
  overhead_us INTEGER NOT NULL,
  attempts TEXT NOT NULL, -- JSON, see sqlite-codec.ts
  finish_reason TEXT,
  raw_usage TEXT,
  -- Usage and cost stand in the entry of the same id; they are here only for a record that came without one.
  estimated INTEGER,
  usage TEXT,
  cost_nano_usd INTEGER
) STRICT;

-- Which requests each key made, as far as request_keys_until goes: see sqlite-requests.ts.
CREATE TABLE request_keys (key INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (key, seq)) STRICT, WITHOUT ROWID;
CREATE TABLE request_keys_until (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), seq INTEGER NOT NULL) STRICT;
INSERT INTO request_keys_until VALUES (1, 0);

-- Sums of entries, see sqlite-rollup.ts.
CREATE TABLE spend (
  span INTEGER NOT NULL, -- 0 hour, 1 day, 2 month (UTC)
  kind INTEGER NOT NULL, -- 0 plain requests, 1 detailed ones without their detail, 2 detailed ones with it
  at INTEGER NOT NULL, -- first hour of the span, hours since the epoch
  subject INTEGER NOT NULL,
  status INTEGER NOT NULL,
  requests INTEGER NOT NULL,
  cost_nano_usd INTEGER NOT NULL,
  unpriced INTEGER NOT NULL,
  input INTEGER NOT NULL,
  cache_read INTEGER NOT NULL,
  cache_write_5m INTEGER NOT NULL,
  cache_write_1h INTEGER NOT NULL,
  output INTEGER NOT NULL,
  reasoning INTEGER NOT NULL,
  audio_in INTEGER NOT NULL,
  audio_out INTEGER NOT NULL,
  image_in INTEGER NOT NULL,
  image_out INTEGER NOT NULL,
  video INTEGER NOT NULL,
  characters INTEGER NOT NULL,
  milliseconds INTEGER NOT NULL, -- of the unit seconds, which may have a fraction
  request_units INTEGER NOT NULL,
  searches INTEGER NOT NULL,
  PRIMARY KEY (span, kind, at, subject, status)
) STRICT, WITHOUT ROWID;

CREATE TABLE spend_folded (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), until INTEGER NOT NULL) STRICT;
`

// Responses that the gateway keeps. Their items are rows of their own, so that they can be listed in pages and found by
// their ids; `body` is the response without its output.
const RESPONSES = `
CREATE TABLE responses (
  id TEXT PRIMARY KEY,
  key_id TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  previous_id TEXT,
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX responses_by_expiry ON responses (expires_at);

CREATE TABLE response_items (
  response_id TEXT NOT NULL REFERENCES responses (id) ON DELETE CASCADE,
  side INTEGER NOT NULL, -- 0 input, 1 output
  position INTEGER NOT NULL,
  item_id TEXT,
  body TEXT NOT NULL,
  PRIMARY KEY (response_id, side, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX response_items_by_id ON response_items (item_id) WHERE item_id IS NOT NULL;
`

// Pictures, as a unit of their own.
const IMAGES = `
ALTER TABLE spend ADD COLUMN images INTEGER NOT NULL DEFAULT 0;
`

// Files of clients in pieces, and batches with their lines. A line holds its request until it is done, and then its result.
const FILES = `
CREATE TABLE files (
  id TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  filename TEXT NOT NULL,
  purpose TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  finished INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX files_by_owner ON files (owner, id);
CREATE INDEX files_by_expiry ON files (expires_at);

CREATE TABLE file_pieces (
  file_id TEXT NOT NULL REFERENCES files (id) ON DELETE CASCADE,
  piece INTEGER NOT NULL,
  bytes BLOB NOT NULL,
  PRIMARY KEY (file_id, piece)
) STRICT;

CREATE TABLE batches (
  id TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  status TEXT NOT NULL,
  open INTEGER NOT NULL, -- 1: there is still something to do
  kept_until INTEGER NOT NULL,
  completed INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX batches_by_owner ON batches (owner, id);
CREATE INDEX batches_by_state ON batches (open, kept_until);

CREATE TABLE batch_lines (
  batch_id TEXT NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  state INTEGER NOT NULL, -- 0 waiting, 1 completed, 2 failed
  custom_id TEXT NOT NULL,
  tries INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (batch_id, position)
) STRICT;
CREATE INDEX batch_lines_by_state ON batch_lines (batch_id, state, position);
`

// Budgets, and what was spent in each period of them. A charge says that an entry counts in a period, so that every sum can
// be found again from the entries; an intent carries what it holds, so that a crash restores it.
const BUDGETS = `
CREATE TABLE budgets (
  id TEXT PRIMARY KEY,
  scope TEXT NOT NULL,
  subject TEXT, -- NULL: each subject of the scope
  created_at INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX budgets_by_time ON budgets (created_at, id);

CREATE TABLE budget_periods (
  no INTEGER PRIMARY KEY,
  budget TEXT NOT NULL,
  subject TEXT NOT NULL,
  from_at INTEGER NOT NULL,
  until_at INTEGER, -- NULL: never
  spent_nano_usd INTEGER NOT NULL,
  UNIQUE (budget, subject, from_at)
) STRICT;
CREATE INDEX budget_periods_by_end ON budget_periods (until_at);

CREATE TABLE budget_charges (period INTEGER NOT NULL, entry TEXT NOT NULL, PRIMARY KEY (period, entry)) STRICT, WITHOUT ROWID;

ALTER TABLE intents ADD COLUMN holds TEXT; -- JSON, see sqlite-budgets.ts; NULL: none
`

// What a pass-through call called.
const PATHS = `
ALTER TABLE requests ADD COLUMN path TEXT;
`

// How a request was routed, for requests that had something to choose.
const PLANS = `
ALTER TABLE requests ADD COLUMN plan TEXT;
`

// Price files: the last good one of each form, and each price that changed by one (pico-dollars per unit).
const PRICES = `
CREATE TABLE price_feeds (
  form TEXT PRIMARY KEY,
  place TEXT NOT NULL,
  etag TEXT,
  version TEXT, -- NULL: none was ever taken
  taken_at INTEGER,
  body TEXT,
  checked_at INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  reason TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE price_changes (
  no INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  version TEXT NOT NULL,
  vendor TEXT NOT NULL,
  model TEXT NOT NULL,
  unit TEXT NOT NULL,
  before_rate INTEGER,
  after_rate INTEGER
) STRICT;
`

// What keeps the books: corrections of entries, and entries that lie in archives. A period remembers what its archived
// entries cost, so that its sum can still be found again.
const BOOKS = `
CREATE TABLE adjustments (
  no INTEGER PRIMARY KEY,
  entry TEXT NOT NULL UNIQUE,
  original TEXT NOT NULL,
  made_at INTEGER NOT NULL
) STRICT;
CREATE INDEX adjustments_by_original ON adjustments (original);

CREATE TABLE archives (
  no INTEGER PRIMARY KEY,
  before_at INTEGER NOT NULL, -- start of an hour: entries of the time before it are in the file
  file TEXT NOT NULL,
  made_at INTEGER NOT NULL,
  entries INTEGER NOT NULL,
  requests INTEGER NOT NULL,
  cost_nano_usd INTEGER NOT NULL
) STRICT;

ALTER TABLE budget_periods ADD COLUMN archived_nano_usd INTEGER NOT NULL DEFAULT 0;
`

// Rehearsed outages and what came of them.
const DRILLS = `
CREATE TABLE drills (id TEXT PRIMARY KEY, started_at INTEGER NOT NULL, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX drills_by_time ON drills (started_at, id);
`

// Answers that are given again, requests that their callers named, and what that saved.
const CACHE = `
CREATE TABLE cached_answers (
  key TEXT PRIMARY KEY,
  route TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  used_at INTEGER NOT NULL,
  uses INTEGER NOT NULL,
  bytes INTEGER NOT NULL, -- of head and body
  head TEXT NOT NULL,
  body BLOB NOT NULL
) STRICT;
CREATE INDEX cached_answers_by_use ON cached_answers (used_at, key);
CREATE INDEX cached_answers_by_expiry ON cached_answers (expires_at);

CREATE TABLE idempotent_requests (
  id TEXT PRIMARY KEY,
  fingerprint TEXT NOT NULL,
  request_id TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  answered_at INTEGER, -- null: it runs, or its answer is not kept
  head TEXT,
  body BLOB
) STRICT;
CREATE INDEX idempotent_requests_by_expiry ON idempotent_requests (expires_at);
CREATE INDEX idempotent_requests_kept ON idempotent_requests (answered_at) WHERE body IS NOT NULL;

ALTER TABLE requests ADD COLUMN saved_nano_usd INTEGER;
CREATE TABLE cache_savings (
  day INTEGER NOT NULL, -- since the epoch
  route TEXT NOT NULL,
  requests INTEGER NOT NULL,
  saved_nano_usd INTEGER NOT NULL,
  PRIMARY KEY (day, route)
) STRICT, WITHOUT ROWID;
`

// Questions of kept answers as vectors.
const VECTORS = `
ALTER TABLE cached_answers ADD COLUMN space TEXT;
ALTER TABLE cached_answers ADD COLUMN vector BLOB; -- 32-bit floats, little-endian
CREATE INDEX cached_answers_by_space ON cached_answers (space, created_at) WHERE space IS NOT NULL;
`

// Users with their groups, sessions, credits and codes; and what each of their requests was sold for, with its sums by day.
const USERS = `
CREATE TABLE user_groups (
  name TEXT PRIMARY KEY,
  multiplier_millionths INTEGER NOT NULL,
  models TEXT, -- JSON array; NULL: all
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO user_groups VALUES ('default', 1000000, NULL, 0);

CREATE TABLE users (
  id TEXT PRIMARY KEY,
  login TEXT NOT NULL UNIQUE,
  user_group TEXT NOT NULL REFERENCES user_groups (name),
  disabled INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  invited_by TEXT,
  password TEXT -- hash; NULL: nobody can log in
) STRICT, WITHOUT ROWID;
CREATE INDEX users_by_time ON users (created_at, id);
CREATE INDEX users_by_group ON users (user_group);

CREATE TABLE user_keys (
  user_id TEXT NOT NULL,
  key_id TEXT NOT NULL REFERENCES virtual_keys (id) ON DELETE CASCADE,
  PRIMARY KEY (user_id, key_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX user_keys_by_key ON user_keys (key_id);

CREATE TABLE user_sessions (
  hash TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX user_sessions_by_user ON user_sessions (user_id, created_at);
CREATE INDEX user_sessions_by_end ON user_sessions (expires_at);

CREATE TABLE credits (
  no INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  user_id TEXT NOT NULL REFERENCES users (id),
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  amount_nano_usd INTEGER NOT NULL,
  reference TEXT NOT NULL,
  note TEXT NOT NULL,
  UNIQUE (kind, reference)
) STRICT;
CREATE INDEX credits_by_user ON credits (user_id, no);

CREATE TABLE user_codes (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE,
  batch TEXT NOT NULL,
  amount_nano_usd INTEGER NOT NULL,
  user_group TEXT REFERENCES user_groups (name),
  note TEXT NOT NULL,
  made_by TEXT,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  used_by TEXT,
  used_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX user_codes_by_time ON user_codes (created_at, id);

CREATE TABLE sales (
  entry TEXT PRIMARY KEY,
  user INTEGER NOT NULL, -- words.no of the user's id
  user_group INTEGER NOT NULL, -- words.no of its name
  multiplier_millionths INTEGER NOT NULL,
  charged_nano_usd INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sale_days (
  user INTEGER NOT NULL,
  day INTEGER NOT NULL, -- since the epoch, UTC
  subject INTEGER NOT NULL, -- without end user and tags
  user_group INTEGER NOT NULL,
  requests INTEGER NOT NULL,
  cost_nano_usd INTEGER NOT NULL,
  charged_nano_usd INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  PRIMARY KEY (user, day, subject, user_group)
) STRICT, WITHOUT ROWID;
CREATE INDEX sale_days_by_day ON sale_days (day);

ALTER TABLE budget_periods ADD COLUMN sold INTEGER NOT NULL DEFAULT 0; -- 1: the sum is of what entries were sold for
ALTER TABLE archives ADD COLUMN charged_nano_usd INTEGER NOT NULL DEFAULT 0;
`

// What operators are to be told, and to whom it still has to go: see sqlite-alerts.ts.
const ALERTS = `
CREATE TABLE alerts (
  no INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  at INTEGER NOT NULL,
  ends_at INTEGER, -- of the window that it is told once in; NULL: never
  planned_at INTEGER,
  body TEXT NOT NULL
) STRICT;
CREATE INDEX alerts_unplanned ON alerts (no) WHERE planned_at IS NULL;
CREATE INDEX alerts_by_time ON alerts (at);

CREATE TABLE alert_deliveries (
  alert INTEGER NOT NULL REFERENCES alerts (no) ON DELETE CASCADE,
  destination TEXT NOT NULL,
  held_until INTEGER NOT NULL, -- quiet hours
  next_at INTEGER NOT NULL, -- when it may be claimed, or when the lease of whoever has claimed it ends
  tries INTEGER NOT NULL,
  ended_at INTEGER,
  delivered INTEGER, -- 1 it was, 0 it was given up
  problem TEXT,
  PRIMARY KEY (alert, destination)
) STRICT, WITHOUT ROWID;
CREATE INDEX alert_deliveries_waiting ON alert_deliveries (destination, alert) WHERE ended_at IS NULL;
`

// Experiments, the transitions that they went through, the pairs that they rest on; labels, and what judges are worth on them.
const EXPERIMENTS = `
CREATE TABLE experiments (
  id TEXT PRIMARY KEY,
  created_at INTEGER NOT NULL,
  version INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE experiment_audit (
  experiment TEXT NOT NULL,
  no INTEGER NOT NULL,
  at INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (experiment, no)
) STRICT, WITHOUT ROWID;

CREATE TABLE experiment_pairs (
  experiment TEXT NOT NULL,
  unit TEXT NOT NULL,
  at INTEGER NOT NULL,
  body TEXT, -- NULL: somebody is at it, or nothing came of it
  PRIMARY KEY (experiment, unit)
) STRICT, WITHOUT ROWID;
CREATE INDEX experiment_pairs_by_time ON experiment_pairs (experiment, at) WHERE body IS NOT NULL;

CREATE TABLE lab_labels (
  id TEXT PRIMARY KEY,
  at INTEGER NOT NULL,
  is_good INTEGER NOT NULL,
  prompt TEXT NOT NULL,
  answer TEXT NOT NULL
) STRICT;
CREATE INDEX lab_labels_by_time ON lab_labels (at, id);

CREATE TABLE lab_judges (epoch TEXT PRIMARY KEY, at INTEGER NOT NULL, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
`

// Which alerts belong to windows that have just ended.
const ALERT_ENDS = `
CREATE INDEX alerts_by_end ON alerts (kind, ends_at);
`

// The first waiting delivery of a destination, found without reading those behind it.
const ALERT_QUEUE = `
DROP INDEX alert_deliveries_waiting;
CREATE INDEX alert_deliveries_waiting ON alert_deliveries (destination, alert, held_until) WHERE ended_at IS NULL;
`

// From when on entries tell themselves what their attempts elsewhere cost; before, only the request log does.
const PARTS_SINCE = `
CREATE TABLE parts_since (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), at INTEGER NOT NULL) STRICT;
INSERT INTO parts_since SELECT 1, iif(EXISTS (SELECT 1 FROM entries), unixepoch() * 1000, 0);
`

// Hours are folded into days and months a slice at a time: how far the hour `until` is, see sqlite-spans.ts.
const FOLDED_SLICES = `
ALTER TABLE spend_folded ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;
ALTER TABLE spend_folded ADD COLUMN subject INTEGER NOT NULL DEFAULT 0;
`

/** Each step is one or more statements; step N leads from version N to version N + 1. */
export const MIGRATIONS: readonly string[] = [
  BASE,
  RESPONSES,
  IMAGES,
  FILES,
  BUDGETS,
  PATHS,
  PLANS,
  PRICES,
  BOOKS,
  DRILLS,
  CACHE,
  VECTORS,
  USERS,
  ALERTS,
  REPORTS,
  EVIDENCE,
  EXPERIMENTS,
  ALERT_ENDS,
  PROMPTS,
  ALERT_QUEUE,
  PARTS_SINCE,
  HEAD_INPUTS,
  HEAD_INPUTS_BY_TIME,
  INTENT_GROUPS,
  FOLDED_SLICES,
]

/** Marks a file as a store of this program (`PRAGMA application_id`): "weir" in ASCII. */
export const APPLICATION_ID = 0x77656972
