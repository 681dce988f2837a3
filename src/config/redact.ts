// A config as it may be shown.
import type { Config } from './schema.ts'
import { mapSecrets } from './secrets.ts'

/** `***` with the last four characters, to tell secrets apart; of one shorter than 16 characters nothing. */
export function redactSecret(secret: string): string {
  return secret.length < 16 ? '***' : `***${secret.slice(-4)}`
}

/** The config without its secrets, for `GET /admin/config` and `weir check`. */
export function redactConfig(config: Config): Config {
  return mapSecrets(config, redactSecret)
}
