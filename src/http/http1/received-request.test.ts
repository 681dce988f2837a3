import { expect, test } from 'bun:test'
import { ReceivedRequest } from './received-request.ts'

function requestOf(bodyBytes: number): ReceivedRequest {
  const head = { method: 'POST', target: '/a', headers: new Headers(), bodyBytes, isLast: false } as const
  return new ReceivedRequest(head, null, { resume() {} })
}

const BODY = new Uint8Array([1, 2, 3, 4])

test.each([
  ['that is here', true],
  ['that is still coming', false],
])('a body %s is given to the request and to each clone, and held for nobody else', async (_, isHere) => {
  const request = requestOf(BODY.length)
  const clone = request.clone()
  if (isHere) request.receive(BODY)
  const asked = [request.bytes(), clone.bytes()]
  if (!isHere) {
    request.receive(BODY.subarray(0, 1))
    request.receive(BODY.subarray(1))
  }
  for (const bytes of asked) expect([...(await bytes)]).toEqual([...BODY])
  expect(() => request.bytes()).toThrow('The body has been read.')
})

test('a body that was asked for before it was there is not held once it is', async () => {
  const request = requestOf(BODY.length)
  const asked = request.bytes()
  request.receive(BODY)
  expect([...(await asked)]).toEqual([...BODY])
  expect(() => request.bytes()).toThrow('The body has been read.')
})
