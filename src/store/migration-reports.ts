// A step of the schema: what reports need beyond sums by the hour. It also works out for the entries of before what is kept
// of new ones from now on.
import { LOG_GAMMA } from '../core/cost-sketch.ts'

/**
 * Makes the coarse subject of a subject, and says that it is that one's; a WHERE may follow. Its digest is what it says: only
 * hashes have 16 bytes.
 */
const COARSE_DIGEST = `CAST(json_array('coarse', team_id, organisation, route, purpose, provider, model) AS BLOB)`
export const COARSEN: readonly string[] = [
  `INSERT INTO subjects (digest, key_id, team_id, end_user, tags, requested_model, route, operation, dialect, provider, model, organisation, purpose)
   SELECT DISTINCT ${COARSE_DIGEST}, '', team_id, NULL, '[]', '', route, '', '', provider, model, organisation, purpose FROM subjects`,
  `INSERT INTO coarse_subjects SELECT no, (SELECT c.no FROM subjects c WHERE c.digest = ${COARSE_DIGEST.replaceAll(/\b(team_id|organisation|route|purpose|provider|model)\b/g, 'subjects.$1')}) FROM subjects`,
]

/** Sums of `spend`, as they are here. */
const SPENT = [
  'requests',
  'cost_nano_usd',
  'unpriced',
  'input',
  'cache_read',
  'cache_write_5m',
  'cache_write_1h',
  'output',
  'reasoning',
  'audio_in',
  'audio_out',
  'image_in',
  'image_out',
  'video',
  'characters',
  'milliseconds',
  'request_units',
  'searches',
  'images',
]

// More dimensions, coarse rows for reports over long times, counts by cost, what was saved, and parts of entries that are of
// other targets. Subjects that are in roll-ups have neither a dialect nor tags that are out of order.
const SLIM = `json_array(key_id, team_id, route, operation, provider, model)`
const DETAIL = `json_array(key_id, team_id, route, operation, provider, model, end_user,
  (SELECT json_group_array(value) FROM (SELECT DISTINCT value FROM json_each(tags) ORDER BY value)))`
export const REPORTS = `
ALTER TABLE subjects ADD COLUMN organisation TEXT;
ALTER TABLE subjects ADD COLUMN task TEXT;
ALTER TABLE subjects ADD COLUMN purpose TEXT;
ALTER TABLE entries ADD COLUMN saved_nano_usd INTEGER; -- NULL: nothing to compare with
ALTER TABLE spend ADD COLUMN saved_nano_usd INTEGER NOT NULL DEFAULT 0;
ALTER TABLE budget_charges ADD COLUMN cost_nano_usd INTEGER; -- NULL: all that the entry cost
ALTER TABLE budget_charges ADD COLUMN beside INTEGER NOT NULL DEFAULT 0; -- 1: only parts of the entry count in the period

CREATE TABLE entry_parts (
  entry TEXT NOT NULL,
  part INTEGER NOT NULL,
  subject INTEGER NOT NULL,
  usage TEXT NOT NULL,
  cost_nano_usd INTEGER NOT NULL,
  unpriced INTEGER NOT NULL,
  price_version INTEGER NOT NULL,
  PRIMARY KEY (entry, part)
) STRICT, WITHOUT ROWID;

CREATE TABLE coarse_subjects (subject INTEGER PRIMARY KEY, coarse INTEGER NOT NULL) STRICT;
CREATE TABLE spend_costs (
  span INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  at INTEGER NOT NULL,
  subject INTEGER NOT NULL,
  bucket INTEGER NOT NULL, -- see core/cost-sketch.ts
  requests INTEGER NOT NULL,
  PRIMARY KEY (span, kind, at, subject, bucket)
) STRICT, WITHOUT ROWID;

${COARSEN.map((sql) => `${sql} WHERE dialect = '';`).join('\n')}

INSERT INTO spend_costs
WITH slims AS MATERIALIZED (SELECT no, ${SLIM} AS name FROM subjects WHERE dialect = '' AND key_id <> '' AND end_user IS NULL AND tags = '[]'),
  details AS MATERIALIZED (SELECT no, ${DETAIL} AS name FROM subjects WHERE dialect = '' AND (end_user IS NOT NULL OR tags <> '[]')),
  whole AS MATERIALIZED (
    SELECT s.no, slims.no AS slim, details.no AS detail
    FROM (SELECT no, ${SLIM} AS slim, ${DETAIL} AS detail FROM subjects WHERE dialect <> '') s
    JOIN slims ON slims.name = s.slim LEFT JOIN details ON details.name = s.detail),
  costs AS MATERIALIZED (
    SELECT e.at / 3600000 AS at, w.slim, w.detail, count(*) AS requests,
      CASE WHEN cost_nano_usd <= 0 THEN 0 ELSE 1 + CAST(ceil(ln(cost_nano_usd) / ${LOG_GAMMA}) AS INTEGER) END AS bucket
    FROM entries e JOIN whole w ON w.no = e.subject WHERE e.status NOT IN (4, 5) GROUP BY 1, 2, 3, 5)
SELECT 0, CASE WHEN detail IS NULL THEN 0 ELSE 1 END, at, slim, bucket, sum(requests) FROM costs GROUP BY 2, 3, 4, 5
UNION ALL SELECT 0, 2, at, detail, bucket, requests FROM costs WHERE detail IS NOT NULL;

${['at - at % 24', `unixepoch(at * 3600, 'unixepoch', 'start of month') / 3600`]
  .map(
    (start, index) => `
INSERT INTO spend_costs SELECT ${index + 1}, kind, ${start}, subject, bucket, sum(requests)
FROM spend_costs WHERE span = 0 AND at < (SELECT until FROM spend_folded) GROUP BY 2, 3, 4, 5;
INSERT INTO spend_costs SELECT span, 3, at, coarse, bucket, sum(requests)
FROM spend_costs JOIN coarse_subjects USING (subject) WHERE span = ${index + 1} AND kind < 2 GROUP BY 3, 4, 5;
INSERT INTO spend (span, kind, at, subject, status, ${SPENT.join(', ')})
SELECT span, 3, at, coarse, status, ${SPENT.map((sum) => `sum(${sum})`).join(', ')}
FROM spend JOIN coarse_subjects USING (subject) WHERE span = ${index + 1} AND kind < 2 GROUP BY 3, 4, 5;`,
  )
  .join('')}
`
