// From graded answers to what heads are trained on: one row for each prompt, with what is known of each deployment's answer to it.
import type { LabelledAnswer } from '../core/evidence.ts'
import { headInputOfBytes } from './head-input-bytes.ts'
import type { LabelledPrompt } from './train-heads.ts'

/** Answers to the very same words are answers to one prompt: a copy for another deployment, or a question that came twice. */
export function labelledPrompts(
  answers: readonly LabelledAnswer[],
  deployments: readonly string[],
): readonly LabelledPrompt[] {
  const prompts = new Map<string, LabelledPrompt>()
  for (const { input, deployment, quality } of answers) {
    const column = deployments.indexOf(deployment)
    if (column < 0) continue
    const name = Buffer.from(input).toString('latin1')
    let prompt = prompts.get(name)
    if (prompt === undefined) {
      const read = headInputOfBytes(input)
      if (read === null) continue
      const unknown = (): Float32Array => new Float32Array(deployments.length).fill(Number.NaN)
      // What answers cost is learned elsewhere, from all of them.
      prompts.set(name, (prompt = { input: read, quality: unknown(), costNanoUsd: unknown() }))
    }
    // The newest comes first, and counts.
    if (Number.isNaN(prompt.quality[column])) prompt.quality[column] = Math.min(1, Math.max(0, quality))
  }
  return [...prompts.values()]
}
