// A host that is no provider of models, for calls that the gateway itself makes: no credential, no format, no limits.
import type { Provider, Timeouts } from '../core/model.ts'

export function plainHost(host: {
  readonly name: string
  readonly baseUrl: string
  readonly timeouts: Timeouts
  /** Whether it may lie in a private network. */
  readonly allowPrivate: boolean
}): Provider {
  return {
    ...host,
    preset: '',
    wire: '',
    credentials: [],
    auth: { type: 'none' },
    headers: {},
    quirks: {},
    proxy: null,
    ca: null,
    settings: {},
    limits: { rpm: null, tpm: null },
  }
}
