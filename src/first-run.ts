// What a new installation needs before anybody can use it: an admin token, a first virtual key, and a call that works.
import type { Clock } from './core/clock.ts'
import { issueAdminToken, issueKey } from './keys/issue-key.ts'
import type { Hasher } from './keys/secret.ts'
import type { Snapshot } from './snapshot.ts'
import type { Store } from './store/store.ts'
import { VERSION } from './version.ts'

/** Makes what is missing; null where something exists already. The secrets are returned here and kept nowhere. */
export async function firstRun(options: {
  readonly store: Store
  readonly hash: Hasher
  readonly clock: Clock
  /** The operator brought a token, so none is made. */
  readonly hasOperatorToken: boolean
}): Promise<{ readonly adminToken: string | null; readonly key: string | null }> {
  const { store, hash, clock } = options
  let adminToken: string | null = null
  if (!options.hasOperatorToken && (await store.listAdminTokens()).length === 0) {
    const issued = issueAdminToken({ name: 'first', role: 'admin' }, { hash, clock })
    await store.insertAdminToken(issued.token)
    adminToken = issued.secret
  }
  let key: string | null = null
  if ((await store.listKeys({ cursor: null, limit: 1 })).data.length === 0) {
    const issued = issueKey({ name: 'first' }, { hash, clock })
    await store.insertKey(issued.key)
    key = issued.secret
  }
  return { adminToken, key }
}

// What a stranger's first call names, where several models could answer: the first of these that there is. Providers keep
// old names alive in their lists, so the first of a list is no good guess.
const EXAMPLES: readonly RegExp[] = [
  /gpt-5-mini$/,
  /claude-haiku-4-5$/,
  /gemini-2\.5-flash$/,
  /deepseek-chat$/,
  /mistral-small(?:-latest)?$/,
  /llama-3\.[13]-(?:8|70)b/i,
  /mini|small|flash|haiku|turbo|instant|instruct|chat/,
]
const NO_CHAT = /embed|tts|whisper|transcribe|audio|image|realtime|moderation|rerank|search/

/** A model that most likely answers a chat: a route of the operator's, else a small one of what is listed. */
export function exampleModel(listing: readonly { readonly id: string; readonly ownedBy: string }[]): string {
  const own = listing.find(({ ownedBy }) => ownedBy === 'weir')
  if (own !== undefined) return own.id
  const ids = listing.map(({ id }) => id).filter((id) => !NO_CHAT.test(id))
  for (const pattern of EXAMPLES) {
    const found = ids.find((id) => pattern.test(id))
    if (found !== undefined) return found
  }
  return ids[0] ?? 'provider/model'
}

export type Installation = {
  readonly url: string
  readonly adminUrl: string
  readonly snapshot: Pick<Snapshot, 'providers' | 'providersFrom' | 'catalogue'>
  /** What was made just now; null where it was there before. */
  readonly credentials: { readonly adminToken: string | null; readonly key: string | null }
  /** The config file; null when there is none. */
  readonly config: string | null
  readonly dataFolder: string
}

/** What a stranger needs, printed once: addresses, secrets that exist nowhere else, and a call that works. */
export function announcement({ url, adminUrl, snapshot, credentials, config, dataFolder }: Installation): string {
  const sources = {
    config: `from ${config ?? 'the configuration'}`,
    environment: 'from the environment',
    simulator: 'no provider key is set, so the built-in simulator answers; it costs nothing',
  }
  const lines = [
    '',
    `weir ${VERSION} is ready`,
    `  gateway    ${url}/v1`,
    `  admin      ${adminUrl}   (metrics at ${adminUrl}/metrics)`,
    `  providers  ${snapshot.providers.map(({ name }) => name).join(', ')}   (${sources[snapshot.providersFrom]})`,
    `  data       ${dataFolder}`,
  ]
  if (credentials.adminToken !== null || credentials.key !== null) lines.push('', 'Shown once, keep them:')
  if (credentials.adminToken !== null) lines.push(`  admin token   ${credentials.adminToken}`)
  if (credentials.key !== null) lines.push(`  virtual key   ${credentials.key}`)
  const key = credentials.key ?? '$WEIR_KEY'
  const model = exampleModel(snapshot.catalogue.list())
  lines.push(
    '',
    credentials.key === null ? 'Try it (with a key of yours; `npm run weir -- keys create` makes one):' : 'Try it:',
    `  curl ${url}/v1/chat/completions -H "authorization: Bearer ${key}" \\`,
    `    -H 'content-type: application/json' \\`,
    `    -d '{"model": "${model}", "messages": [{"role": "user", "content": "Hello!"}]}'`,
    '',
    '',
  )
  return lines.join('\n')
}
