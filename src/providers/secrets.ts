// What of configured providers nobody may be shown, wherever it came from: the file, or the environment.
import type { Provider } from '../core/model.ts'

/** Credentials, and passwords in the URLs of proxies and hosts, as written and percent-decoded. */
export function secretsOf(providers: readonly Provider[]): readonly string[] {
  return providers.flatMap(({ credentials, proxy, baseUrl }) => [
    ...credentials.map(({ secret }) => secret),
    ...passwordsIn(proxy),
    ...passwordsIn(baseUrl),
  ])
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
