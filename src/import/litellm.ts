// The proxy's `config.yaml` of LiteLLM → a configuration of ours, with a finding for everything that it says.
import { parseConfigText, plainValue } from '../config/document.ts'
import type { Problem } from '../config/problem.ts'
import type { ConfigDraft } from './draft.ts'
import { createFileNotes, type Finding } from './finding.ts'
import { litellmEntries } from './litellm-entries.ts'
import { litellmProviders } from './litellm-providers.ts'
import { litellmRoutes } from './litellm-routes.ts'
import { litellmBudgets, litellmSettings } from './litellm-settings.ts'
import { mappingOf } from './litellm-values.ts'

export type ImportedConfig = {
  readonly draft: ConfigDraft
  readonly findings: readonly Finding[]
  /** Texts of the draft that are not to be shown. */
  readonly secrets: ReadonlySet<string>
}

export type LitellmImport =
  | ({ readonly ok: true } & ImportedConfig)
  | { readonly ok: false; readonly problems: readonly Problem[] }

/** Pure: text → draft. A file that cannot be read at all is a problem with its line; what cannot be carried over is a finding. */
export function importLitellm(file: string, text: string): LitellmImport {
  const { document, problems } = parseConfigText(file, text)
  if (document === null || problems.length > 0) return { ok: false, problems }
  const { value, problem } = plainValue(document, file)
  if (problem !== null) return { ok: false, problems: [problem] }
  const root = mappingOf(value)
  if (!Array.isArray(root['model_list'])) {
    const place = document.place([])
    const message = 'there is no `model_list`, so this is no configuration of LiteLLM’s proxy'
    const hint = 'Name the file that `litellm --config` is started with.'
    return { ok: false, problems: [{ file, line: place?.line ?? 1, column: 1, path: '', message, hint }] }
  }
  const notes = createFileNotes(document, value)
  const entries = litellmEntries(root, notes)
  const aliases = Object.keys(mappingOf(mappingOf(root['router_settings'])['model_group_alias']))
  const providers = litellmProviders(entries, aliases, notes)
  const routes = litellmRoutes(providers, root, notes)
  const sections = litellmSettings(root, notes)
  litellmBudgets(root, providers, sections, notes)
  return {
    ok: true,
    draft: { providers: providers.drafts, ...routes, ...sections.values, budgets: sections.budgets },
    findings: notes.all(),
    secrets: new Set(entries.flatMap(({ connection }) => connection.secrets)),
  }
}
