// AWS Signature Version 4 for calls to AWS's own APIs, and the credentials that it takes.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
import { createHash, createHmac } from 'node:crypto'
import type { Hash, Hmac } from 'node:crypto'
import type { Provider } from '../core/model.ts'

type AwsKeys = {
  readonly type: 'keys'
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Temporary keys come with one; null for keys of a user. */
  readonly sessionToken: string | null
}

/** Keys that sign, or an API key (of Bedrock) that is sent as it is. */
export type AwsCredential = AwsKeys | { readonly type: 'bearer'; readonly token: string }

/** One secret of a pool: `<access key id>:<secret access key>[:<session token>]`; whatever else is an API key. */
export function readAwsCredential(secret: string): AwsCredential {
  const match = /^([A-Z0-9]{8,128}):([A-Za-z0-9/+=]{16,}?)(?::(\S+))?$/.exec(secret)
  if (match === null) return { type: 'bearer', token: secret }
  return { type: 'keys', accessKeyId: match[1] ?? '', secretAccessKey: match[2] ?? '', sessionToken: match[3] ?? null }
}

/** The credential that AWS's own variables hold, as one secret of a pool; null when there is none. Profile files are not read. */
export function awsSecretOfEnvironment(environment: Readonly<Record<string, string | undefined>>): string | null {
  const value = (name: string): string => environment[name]?.trim() ?? ''
  // AWS's SDKs prefer the API key, too.
  if (value('AWS_BEARER_TOKEN_BEDROCK') !== '') return value('AWS_BEARER_TOKEN_BEDROCK')
  const keys = [value('AWS_ACCESS_KEY_ID'), value('AWS_SECRET_ACCESS_KEY')]
  if (keys.includes('')) return null
  const token = value('AWS_SESSION_TOKEN')
  return [...keys, ...(token === '' ? [] : [token])].join(':')
}

/** Parts of an AWS credential that must not be shown, each for itself: the id of a key is no secret, but what follows is. */
export function secretPartsOf(secret: string): readonly string[] {
  const credential = readAwsCredential(secret)
  if (credential.type === 'bearer') return [credential.token]
  return credential.sessionToken === null
    ? [credential.secretAccessKey]
    : [credential.secretAccessKey, credential.sessionToken]
}

/** The region that a call is signed for: the one in the address, or the setting; null when neither tells. */
export function awsRegionOf({ baseUrl, settings }: Pick<Provider, 'baseUrl' | 'settings'>): string | null {
  return /^https?:\/\/[a-z-]+\.([a-z0-9-]+)\.amazonaws\.com(?:[.:/]|$)/.exec(baseUrl)?.[1] ?? settings['region'] ?? null
}

export type AwsRequest = {
  readonly method: string
  readonly url: string
  /** Only the content type and AWS's own headers are signed: what else is sent may change on its way. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array
}

/** Whom the signature is for, e.g. `us-east-1` and `bedrock`. */
type AwsScope = { readonly region: string; readonly service: string }

/** Gives the headers that authenticate a request; they are to be added to it, and it may not be changed afterwards. */
export type AwsSigner = (
  request: AwsRequest,
  credential: AwsCredential,
  scope: AwsScope,
) => Promise<Readonly<Record<string, string>>>

/** `now`: ms since the epoch; AWS refuses signatures that are off by more than five minutes. */
export function createAwsSigner(now: () => number): AwsSigner {
  // It takes some 25 ms to load, and most gateways never call AWS.
  let loading: ReturnType<typeof loadSigner> | null = null
  return async (request, credential, { region, service }) => {
    if (credential.type === 'bearer') return { authorization: `Bearer ${credential.token}` }
    loading ??= loadSigner()
    const SignatureV4 = await loading
    const { accessKeyId, secretAccessKey, sessionToken } = credential
    const signer = new SignatureV4({
      credentials: { accessKeyId, secretAccessKey, ...(sessionToken === null ? {} : { sessionToken }) },
      region,
      service,
      sha256: Sha256,
      // The hash of the body is signed in any case; as a header of its own only S3 wants it.
      applyChecksum: false,
    })
    const url = new URL(request.url)
    const signed = await signer.sign(
      {
        method: request.method,
        protocol: url.protocol,
        hostname: url.hostname,
        path: url.pathname,
        query: queryOf(url),
        headers: { ...signable(request.headers), host: url.host },
        body: request.body,
      },
      { signingDate: new Date(now()) },
    )
    const added: Record<string, string> = {}
    for (const name of ['authorization', 'x-amz-date', 'x-amz-security-token']) {
      const value = signed.headers[name]
      if (value !== undefined) added[name] = value
    }
    return added
  }
}

async function loadSigner() {
  const { SignatureV4 } = await import('@smithy/signature-v4')
  return SignatureV4
}

function signable(headers: Readonly<Record<string, string>>): Record<string, string> {
  const found: Record<string, string> = {}
  for (const [header, value] of Object.entries(headers)) {
    const name = header.toLowerCase()
    if (name === 'content-type' || name.startsWith('x-amz')) found[name] = value
  }
  return found
}

function queryOf(url: URL): Record<string, string | string[]> {
  const query: Record<string, string[]> = {}
  for (const [name, value] of url.searchParams) (query[name] ??= []).push(value)
  return query
}

/** SHA-256, keyed or not, as the signer wants it: native code is many times faster than one in JavaScript. */
class Sha256 {
  readonly #hash: Hash | Hmac

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret))
  }

  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(bytesOf(data))
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest()
  }

  reset(): void {
    throw new Error('a hash of this kind is used once')
  }
}

function bytesOf(data: string | ArrayBuffer | ArrayBufferView): Uint8Array {
  if (typeof data === 'string') return Buffer.from(data, 'utf8')
  return ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data)
}
