// How much a Gemini model shall think: efforts and budgets → `thinkingConfig`.
import type { Effort, ReasoningSettings } from '../../core/chat.ts'
import type { JsonObject } from '../../core/json.ts'
import { defined } from '../../core/json-read.ts'
import type { Thinking } from './models.ts'

/** Budgets of the efforts, as Google's own OpenAI-compatible API has them. */
const BUDGETS: { readonly [effort in Effort]: number } = {
  none: 0,
  minimal: 1_024,
  low: 1_024,
  medium: 8_192,
  high: 24_576,
  xhigh: 24_576,
  max: 24_576,
}

const LEVELS: { readonly [effort in Effort]: 'minimal' | 'low' | 'medium' | 'high' } = {
  none: 'minimal',
  minimal: 'minimal',
  low: 'low',
  medium: 'medium',
  high: 'high',
  xhigh: 'high',
  max: 'high',
}

const CANNOT_BE_OFF = 'This model cannot do without thinking: it thinks as little as it can.'

/**
 * The `thinkingConfig` of a request; undefined when nothing was asked for. `own`: fields of it that the caller wrote in
 * Gemini's words. Thoughts are shown to whoever turned thinking on, or asked for a summary of them.
 */
export function thinkingConfig(
  reasoning: ReasoningSettings | undefined,
  thinking: Thinking,
  own: JsonObject,
  warnings: string[],
): JsonObject | undefined {
  if (reasoning === undefined) return Object.keys(own).length > 0 ? own : undefined
  const isOff = reasoning.enabled === false || reasoning.effort === 'none' || reasoning.budgetTokens === 0
  if (thinking.type === 'none') {
    if (!isOff) warnings.push('Thinking is off: this model has none.')
    return undefined
  }
  const wantsThoughts = !isOff && (reasoning.enabled === true || reasoning.summary !== undefined)
  const config = defined<JsonObject>({
    includeThoughts: wantsThoughts ? true : undefined,
    ...own,
    ...amountOf(reasoning, isOff, thinking, warnings),
  })
  return Object.keys(config).length > 0 ? config : undefined
}

/** The two cannot be together in a request: a level where the model has levels and an effort was told. */
function amountOf(
  { effort, budgetTokens }: ReasoningSettings,
  isOff: boolean,
  thinking: Exclude<Thinking, { type: 'none' }>,
  warnings: string[],
): JsonObject {
  switch (thinking.type) {
    case 'level': {
      if (!isOff && effort === undefined) return budgetTokens === undefined ? {} : { thinkingBudget: budgetTokens }
      if (isOff) warnings.push(CANNOT_BE_OFF)
      const level = LEVELS[isOff ? 'none' : (effort ?? 'none')]
      if (level === 'minimal' && !thinking.minimal) return { thinkingLevel: 'low' }
      return { thinkingLevel: level === 'medium' && !thinking.medium ? 'high' : level }
    }
    case 'budget': {
      if (isOff) {
        if (thinking.canBeOff) return { thinkingBudget: 0 }
        warnings.push(CANNOT_BE_OFF)
        return { thinkingBudget: thinking.min }
      }
      const wanted = budgetTokens ?? (effort === undefined ? undefined : BUDGETS[effort])
      if (wanted === undefined) return {}
      // -1 leaves it to the model.
      return { thinkingBudget: wanted < 0 ? -1 : Math.min(thinking.max, Math.max(thinking.min, wanted)) }
    }
  }
}
