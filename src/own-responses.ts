// Kept responses for the key that made them: retrieve, delete, cancel, input items.
import { GatewayError } from './core/error.ts'
import {
  deletedResponse,
  inputItemsPage,
  refuseCancel,
  responseNotFound,
  retrievedResponse,
} from './dialects/openai-responses-stored.ts'
import type { AddressOf } from './handle.ts'
import { endpointAllowed } from './keys/permit.ts'
import { callerOf } from './own-answers.ts'
import type { OwnAnswerTools } from './own-answers.ts'

const DEFAULT_ITEMS = 20
const MOST_ITEMS = 100

type ResponseAction = 'retrieve' | 'delete' | 'cancel' | 'input_items'

/** Answers a call about the response `id`; another key's is as unknown as one that never was. */
export async function ownResponse(
  action: ResponseAction,
  request: Request,
  addressOf: AddressOf,
  id: string,
  tools: OwnAnswerTools,
): Promise<Response> {
  const { key } = await callerOf(request, addressOf, tools)
  if (!endpointAllowed(key.endpoints, 'responses'))
    throw new GatewayError('endpoint_not_allowed', { message: `The key ${key.id} may not use responses.` })
  const { responses } = tools
  const owner = { keyId: key.id, now: tools.now() }
  const query = new URL(request.url, 'http://gateway').searchParams
  switch (action) {
    case 'retrieve': {
      const stored = await responses.getResponse(id, owner)
      if (stored === null) throw responseNotFound(id)
      if (query.get('stream') === 'true')
        throw new GatewayError('unsupported', {
          message: 'Only a response made in the background can be streamed again, and none is.',
          param: 'stream',
        })
      return Response.json(retrievedResponse(stored))
    }
    case 'delete':
      if (!(await responses.deleteResponse(id, owner))) throw responseNotFound(id)
      return Response.json(deletedResponse(id))
    case 'cancel':
      if ((await responses.getResponse(id, owner)) === null) throw responseNotFound(id)
      return refuseCancel(id)
    case 'input_items': {
      const limit = limitOf(query.get('limit'))
      const order = orderOf(query.get('order'))
      const page = await responses.listResponseItems(id, { ...owner, cursor: query.get('after'), limit, order })
      if (page === null) throw responseNotFound(id)
      return Response.json(inputItemsPage(page.data, page.next !== null))
    }
  }
}

function limitOf(text: string | null): number {
  if (text === null) return DEFAULT_ITEMS
  const limit = Number(text)
  if (Number.isInteger(limit) && limit >= 1 && limit <= MOST_ITEMS) return limit
  throw new GatewayError('request_malformed', {
    message: `\`limit\` must be a whole number from 1 to ${MOST_ITEMS}.`,
    param: 'limit',
  })
}

function orderOf(text: string | null): 'asc' | 'desc' {
  if (text === null || text === 'desc' || text === 'asc') return text ?? 'desc'
  throw new GatewayError('request_malformed', { message: '`order` must be `asc` or `desc`.', param: 'order' })
}
