// Batches for the key that made them and its team: create, retrieve, list, cancel.
import type { Batch } from '../core/batch.ts'
import { GatewayError } from '../core/error.ts'
import { ownerOf } from '../core/file.ts'
import type { VirtualKey } from '../core/key.ts'
import { batchJson, batchNotFound, readBatchRequest } from '../dialects/openai-batches.ts'
import { fileNotFound, pageJson, readListQuery } from '../dialects/openai-files.ts'
import type { AddressOf } from '../handle.ts'
import { readJsonBody } from '../http/body.ts'
import { endpointAllowed } from '../keys/permit.ts'
import { callerOf } from '../own-answers.ts'
import type { BatchStore } from '../store/store.ts'
import type { FileTools } from './own-files.ts'

export type BatchAction = 'batch_create' | 'batches' | 'batch' | 'batch_cancel'

export type OwnBatchTools = FileTools & {
  readonly batches: BatchStore
  readonly newBatchId: () => string
  /** There is something to do for this batch. */
  readonly wake: (batchId: string) => void
}

const MOST_LISTED = 100
const USUALLY_LISTED = 20
/** Batches of one owner that are not over: each is looked at at every start, and takes its turn. */
const MOST_OPEN = 100

/** Answers a call about batches; those of others are as unknown as those that never were. */
export async function ownBatch(
  action: BatchAction,
  request: Request,
  addressOf: AddressOf,
  id: string,
  tools: OwnBatchTools,
): Promise<Response> {
  const { key } = await callerOf(request, addressOf, tools)
  if (!endpointAllowed(key.endpoints, 'batches'))
    throw new GatewayError('endpoint_not_allowed', { message: `The key ${key.id} may not use batches.` })
  const owner = ownerOf(key)
  switch (action) {
    case 'batch_create':
      return Response.json(batchJson(await create(request, key, tools)))
    case 'batches': {
      const { cursor, limit } = readListQuery(
        new URL(request.url, 'http://gateway').searchParams,
        MOST_LISTED,
        USUALLY_LISTED,
      )
      const page = await tools.batches.listBatches({ owner, cursor, limit })
      return Response.json(pageJson(page.data.map(batchJson), page.next !== null))
    }
    case 'batch': {
      const batch = await tools.batches.getBatch(id, owner)
      if (batch === null) throw batchNotFound(id)
      return Response.json(batchJson(batch))
    }
    case 'batch_cancel':
      return Response.json(batchJson(await cancel(id, owner, tools)))
  }
}

async function create(request: Request, key: VirtualKey, tools: OwnBatchTools): Promise<Batch> {
  const { server, batches, files } = tools.snapshot.config
  const bounds = {
    bytes: server.bodyLimitBytes,
    timeoutMs: server.bodyTimeoutMs,
    json: { depth: server.jsonDepth, keys: server.jsonKeys },
  }
  const body = await readJsonBody(request, bounds, tools.bytes, tools.clock)
  tools.bytes.free(body.heldBytes)
  const asked = readBatchRequest(body.value)
  const owner = ownerOf(key)
  const now = tools.now()
  const file = await tools.files.getFile(asked.inputFileId, { owner, now })
  if (file === null) throw fileNotFound(asked.inputFileId, 'input_file_id')
  if (file.purpose !== 'batch')
    throw new GatewayError('request_malformed', {
      message: `The file was uploaded for \`${file.purpose}\`; that of a batch needs the purpose \`batch\`.`,
      param: 'input_file_id',
    })
  const open = await tools.batches.openBatches(owner)
  if (open.length >= MOST_OPEN)
    throw new GatewayError('rate_limited', {
      message: `${open.length} batches of this team or key are not over yet, and there may be ${MOST_OPEN}.`,
      retryAfterMs: 60_000,
    })
  const batch: Batch = {
    id: tools.newBatchId(),
    owner,
    keyId: key.id,
    endpoint: asked.endpoint,
    inputFileId: file.id,
    completionWindow: asked.completionWindow,
    metadata: asked.metadata,
    status: 'validating',
    endsAs: 'completed',
    createdAt: now,
    dueAt: now + asked.windowMs,
    keptUntil: now + batches.retentionMs,
    filesKeptMs: asked.filesKeptMs ?? files.retentionMs,
    enteredAt: { validating: now },
    problems: [],
    outputFileId: null,
    errorFileId: null,
    total: 0,
    completed: 0,
    failed: 0,
  }
  await tools.batches.insertBatch(batch)
  tools.wake(batch.id)
  return batch
}

async function cancel(id: string, owner: string, tools: OwnBatchTools): Promise<Batch> {
  const batch = await tools.batches.getBatch(id, owner)
  if (batch === null) throw batchNotFound(id)
  const moved = await tools.batches.moveBatch(id, ['validating', 'in_progress'], {
    status: 'cancelling',
    at: tools.now(),
    patch: { endsAs: 'cancelled' },
  })
  if (moved !== null) {
    tools.wake(id)
    return moved
  }
  if (batch.status === 'cancelling') return batch
  throw new GatewayError('conflict', {
    message: `The batch \`${id}\` is ${batch.status}, and cannot be cancelled any more.`,
  })
}
