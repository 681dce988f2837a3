// An imported configuration as the gateway would take it: its text loaded and set up, and what its names lead to.
import { generateKeyPairSync } from 'node:crypto'
import { loadConfig } from '../config/load.ts'
import { formatProblem } from '../config/problem.ts'
import { systemClock } from '../core/clock.ts'
import { createSnapshot, type Snapshot } from '../snapshot.ts'
import { deploymentsOf } from '../routing/route.ts'

let keyFile: string | null = null

/** A key file of a service account that nobody has. */
export function serviceAccount(): string {
  keyFile ??= JSON.stringify({
    type: 'service_account',
    project_id: 'my-project',
    private_key_id: 'test',
    private_key: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
      type: 'pkcs8',
      format: 'pem',
    }),
    client_email: 'test@my-project.iam.gserviceaccount.com',
    token_uri: 'https://oauth2.googleapis.com/token',
  })
  return keyFile
}

/** Loads and sets up a text; every problem is thrown. */
export async function installed(text: string, environment: Readonly<Record<string, string>>): Promise<Snapshot> {
  const loaded = await loadConfig({
    path: 'weir.yaml',
    readFile: async (path) => new TextEncoder().encode(path === 'weir.yaml' ? text : serviceAccount()),
    environment,
  })
  if (!loaded.ok) throw new Error(`${loaded.problems.map(formatProblem).join('\n')}\n${text}`)
  return createSnapshot(loaded.config, environment, { clock: systemClock, seed: 1 })
}

/** Whom a name leads to first: models, each with the provider's address; null: nobody. */
export function whoAnswers({ catalogue }: Snapshot, name: string): readonly string[] | null {
  const route = catalogue.resolve(name)
  return route === null ? null : deploymentsOf(route).map(({ provider, model }) => `${provider.baseUrl} ${model}`)
}
