// What tests book: an entry, the record of its request, a team; each as plain as can be, changed by what matters.
import type { Dimensions, Entry, RequestRecord } from './ledger.ts'
import type { Team } from './key.ts'
import { NO_USAGE } from './usage.ts'

const DIMENSIONS: Dimensions = {
  keyId: 'key_1',
  teamId: null,
  endUser: null,
  tags: [],
  requestedModel: 'm',
  route: 'm',
  operation: 'chat',
  dialect: 'openai-chat',
}

export function entryOf({
  dimensions,
  ...change
}: Omit<Partial<Entry>, 'dimensions'> & { readonly dimensions?: Partial<Dimensions> }): Entry {
  return {
    id: 'req_1',
    at: 1,
    dimensions: { ...DIMENSIONS, ...dimensions },
    provider: 'up',
    model: 'm',
    status: 'complete',
    usage: NO_USAGE,
    usageSource: 'reported',
    costNanoUsd: 0n,
    unpriced: false,
    priceVersion: 'v',
    ...change,
  }
}

export function recordOf(entry: Entry, change: Partial<RequestRecord> = {}): RequestRecord {
  return {
    id: entry.id,
    clientRequestId: null,
    at: entry.at,
    dimensions: entry.dimensions,
    status: 200,
    errorCode: null,
    target: `${entry.provider}/${entry.model}`,
    stream: false,
    durationMs: 1,
    ttftMs: null,
    overheadMs: 0,
    attempts: [],
    finishReason: 'stop',
    rawUsage: null,
    usage: entry.usage,
    usageSource: entry.usageSource,
    costNanoUsd: entry.costNanoUsd,
    ...change,
  }
}

export function teamOf(change: Partial<Team> = {}): Team {
  return {
    id: 'team_1',
    name: 'research',
    limits: { rpm: null, tpm: null, concurrency: null },
    models: null,
    tags: [],
    metadata: {},
    disabled: false,
    createdAt: 0,
    ...change,
  }
}
