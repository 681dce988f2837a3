// `${NAME}` in values: from the environment, with `${NAME:-default}`, and `$$` for one dollar sign.
import { didYouMean } from '../core/nearest.ts'

export type Environment = Readonly<Record<string, string | undefined>>

export type Interpolated = {
  readonly text: string
  /** Whether anything was replaced: then the text is not the operator's own words, and messages show the template. */
  readonly replaced: boolean
  readonly problems: readonly { readonly message: string; readonly hint: string | null }[]
}

/** Fills the variables of one text. One that is empty counts as not set. What it fills in is not looked at again. */
export function interpolate(template: string, environment: Environment): Interpolated {
  if (!template.includes('$')) return { text: template, replaced: false, problems: [] }
  const problems: { message: string; hint: string | null }[] = []
  let replaced = false
  const text = template.replaceAll(/\$\$|\$\{([^}]*)\}|\$\{/g, (match: string, inside: string | undefined) => {
    if (match === '$$') return '$'
    if (inside === undefined) {
      problems.push({
        message: 'found `${` without its `}`',
        hint: 'Write `${NAME}`, or `$${` for the characters themselves.',
      })
      return match
    }
    const parts = /^([A-Za-z_]\w*)(?::-([\s\S]*))?$/.exec(inside)
    if (parts === null) {
      problems.push({
        message: 'found `${…}` with something that is no name of an environment variable',
        hint: 'Write `${NAME}`, `${NAME:-default}`, or `$${` for the characters themselves.',
      })
      return match
    }
    const [, name = '', fallback] = parts
    replaced = true
    const value = environment[name]
    if (value !== undefined && value !== '') return value
    if (fallback !== undefined) return fallback
    problems.push({
      message: `the environment variable ${name} is ${value === '' ? 'empty' : 'not set'}`,
      hint: didYouMean(name, Object.keys(environment)) ?? `Set it, or write \`\${${name}:-default}\`.`,
    })
    return ''
  })
  return { text, replaced, problems }
}
