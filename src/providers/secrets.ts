// What of configured providers nobody may be shown, wherever it came from: the file, or the environment.
import type { Auth, Provider } from '../core/model.ts'
import { parseObject, stringOf } from '../core/json-read.ts'
import { secretPartsOf } from './aws-signature.ts'

/** Credentials, and passwords in the URLs of proxies and hosts, as written and percent-decoded. */
export function secretsOf(providers: readonly Provider[]): readonly string[] {
  return providers.flatMap(({ auth, credentials, proxy, baseUrl }) => [
    ...credentials.map(({ secret }) => secret),
    ...credentials.flatMap(({ secret }) => partsOf(auth, secret)),
    ...passwordsIn(proxy),
    ...passwordsIn(baseUrl),
  ])
}

/** What of a credential is a secret for itself. */
function partsOf({ type }: Auth, secret: string): readonly string[] {
  if (type === 'aws') return secretPartsOf(secret)
  const file = type === 'google' ? parseObject(secret) : null
  const key = file === null ? null : stringOf(file, 'private_key')
  return key === null ? [] : [key]
}

function passwordsIn(url: string | null): readonly string[] {
  const password = url === null ? undefined : /^[\w+.-]+:\/\/[^/@]*?:([^/@]+)@/.exec(url)?.[1]
  if (password === undefined) return []
  try {
    return [password, decodeURIComponent(password)]
  } catch {
    // Not percent-encoded after all.
    return [password]
  }
}
