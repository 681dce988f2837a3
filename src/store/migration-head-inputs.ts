// A step of the schema: what heads see of a prompt, and the graded answers by time.

/** The kinds of evidence that grade an answer; the others only tell what is wrong. The query must say it in the same words as the index. */
export const IS_GRADED = `kind IN ('thumb', 'score', 'task_success', 'judge', 'human')`

export const HEAD_INPUTS = `
ALTER TABLE answered_requests ADD COLUMN input BLOB; -- see lab/head-input-bytes.ts; NULL: it may not be kept
CREATE INDEX evidence_graded ON evidence (at, request) WHERE ${IS_GRADED};
`

/** So that they go when what is kept of prompts goes. */
export const HEAD_INPUTS_BY_TIME = 'CREATE INDEX answered_inputs ON answered_requests (at) WHERE input IS NOT NULL;'
