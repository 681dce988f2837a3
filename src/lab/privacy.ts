// What may be kept of prompts and answers, by mode, and what the lab cannot know without it.
import { isPromptMode, type PromptMode } from '../core/kept-prompt.ts'
import type { KeyWithTeam } from '../store/store.ts'

/** Metadata of a key or a team that says more than the configuration. */
const FIELD = 'prompts'

/** The key's word, else its team's, else the configuration's. A word that is no mode keeps nothing. */
export function promptModeOf({ key, team }: KeyWithTeam, usual: PromptMode): PromptMode {
  const said = key.metadata[FIELD] ?? team?.metadata[FIELD]
  if (said === undefined) return usual
  return isPromptMode(said) ? said : 'off'
}

const LATER = 'judge or label an answer later than when it was given'
const AGAIN = 'ask another model what was asked before (replay with answers, the offline stage of an experiment)'
const HEADS = 'learn from the words of a prompt who is good at it (heads); what is learned by task stays'
const SHOW = 'show what was asked and answered'

/** A row of docs/privacy.md. `cannot`: what is not possible in this mode. */
export const PRIVACY: Readonly<Record<PromptMode, { readonly kept: string; readonly cannot: readonly string[] }>> = {
  off: {
    kept: 'nothing of what was asked and answered',
    cannot: [SHOW, LATER, AGAIN, 'tell which requests were the same, or came from one template', HEADS],
  },
  hashed: {
    kept: 'keyed hashes of the conversation and of its system message, their size, and, where answers are looked at, hashed words for the heads',
    cannot: [SHOW, LATER, AGAIN],
  },
  sampled: {
    kept: 'a share of the requests and answers as they are (`prompts.share`), of the others hashes',
    cannot: [`${SHOW}, ${LATER}, or ${AGAIN}, for the requests outside the share`],
  },
  redacted: {
    kept: 'requests and answers without what looks like personal data or a secret',
    cannot: [
      'ask another model exactly what was asked before',
      'be sure that names, addresses and what else has no form of its own are gone',
    ],
  },
  full: { kept: 'requests and answers as they are, without pictures, sounds and files', cannot: [] },
}
