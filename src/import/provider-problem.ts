// Whether a provider would be taken as it is written: by the schema of the file, and by what sets providers up. An import leaves out
// what would not be, with the reason, instead of writing a file that is refused.
import { expectedBy } from '../config/check.ts'
import { readWhole } from '../config/fields.ts'
import { provider } from '../config/schema-providers.ts'
import { configureProviders, ProviderConfigError } from '../providers/configure.ts'
import type { ProviderDraft } from './draft.ts'

const VARIABLE = /(?<!\$)\$\{[A-Za-z_]\w*\}/g

/** Null: nothing that can be told without the environment; else `field: what was expected`, without the value. */
export function providerProblem(draft: ProviderDraft): string | null {
  const { keys, ...fields } = draft
  const filled: unknown = JSON.parse(JSON.stringify(fields), (name, value: unknown) =>
    typeof value === 'string' ? filledIn(name, value) : value,
  )
  // What variables and files hold is not known here.
  const known = (Array.isArray(keys) ? (keys as string[]) : []).filter(
    (key) => !key.includes('${') && !key.startsWith('file:'),
  )
  const read = readWhole(provider, { ...(filled as object), keys: known.map((key) => key.replaceAll('$$', '$')) })
  if (!read.ok) {
    const [issue] = read.issues
    return `${issue!.path.join('.')}: expected ${expectedBy(issue!, provider)}`
  }
  try {
    configureProviders({ imported: read.value }, {})
    return null
  } catch (error) {
    if (!(error instanceof ProviderConfigError)) throw error
    const field = error.path.replace(/^providers\.imported\.?/, '')
    // A setting that is not written may be in a variable of its own: `weir check` names it.
    const setting = /^settings\.(\w+)$/.exec(field)?.[1]
    return setting !== undefined && draft[setting] === undefined ? null : `${field}: ${error.message}`
  }
}

/** A value as it might be once its variables are filled in. */
function filledIn(name: string, text: string): string {
  const isAddress = name === 'base_url' || name === 'proxy'
  return text
    .replace(/^\$\{[A-Za-z_]\w*\}/, isAddress ? 'http://variable.example' : 'variable')
    .replaceAll(VARIABLE, 'variable')
    .replaceAll('$$', '$')
}
