// What every test of bad input asks: was the answer a documented one, and is the gateway at rest afterwards?
import { expect } from 'bun:test'
import { ERRORS } from '../src/core/error.ts'
import type { ErrorCode } from '../src/core/error.ts'
import { isObject } from '../src/core/json.ts'
import type { TestGateway } from './gateway.ts'

/** The code of a refusal, after checking that it is one of the table, in OpenAI's shape, and no 500. */
export async function refusalOf(response: Response): Promise<ErrorCode> {
  const text = await response.text()
  const shown = `${response.status} ${text.slice(0, 300)}`
  expect(response.headers.get('content-type'), shown).toContain('application/json')
  return codeOf(response.status, JSON.parse(text), shown)
}

/** The same for an answer that is at hand as status and parsed body. */
export function codeOf(status: number, body: unknown, shown: string): ErrorCode {
  expect(status, shown).not.toBe(500)
  const error = isObject(body) ? body['error'] : undefined
  if (!isObject(error) || !isObject(error['weir'])) throw new Error(`not in OpenAI's shape: ${shown}`)
  for (const name of ['message', 'type', 'code'] as const) expect(error[name], shown).toBeString()
  expect((error['message'] as string).length, shown).toBeLessThan(2_000)
  expect(error['param'] === null || typeof error['param'] === 'string', shown).toBe(true)
  const code = error['weir']['code'] as ErrorCode
  expect(Object.keys(ERRORS), shown).toContain(code)
  // Only `upstream_rejected` answers as the provider did.
  if (code !== 'upstream_rejected') expect(status, shown).toBe(ERRORS[code].status)
  expect(error['weir']['request_id'], shown).toStartWith('req_')
  return code
}

/** Nothing is in flight, no byte held, no place of a limit taken, and nothing waits to be written. */
export async function expectAtRest({ gateway }: TestGateway): Promise<void> {
  await gateway.journal.flush()
  const places = (['key', 'team', 'endUser', 'gateway'] as const).map((kind) => gateway.limiter.inFlight(kind))
  const held = /^weir_bytes_held (\S+)$/m.exec(await gateway.metrics.text())?.[1]
  expect({ inFlight: gateway.load.inFlight, held, places, pending: gateway.journal.pending().count }).toEqual({
    inFlight: 0,
    held: '0',
    places: [0, 0, 0, 0],
    pending: 0,
  })
}
