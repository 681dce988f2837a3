// Fake providers for agents: a model that thinks, calls the agent's shell once, and is content with the result.
import { anthropic, bedrock, gemini, interactions } from '../sdk/spoken-vendors.ts'
import { openaiChat, openaiResponses } from '../sdk/spoken.ts'
import type { Format, Spoken } from '../sdk/spoken.ts'
import type { JsonObject } from '../../src/core/json.ts'
import { WIRES } from '../recorded/wires.ts'
import type { RecordedWire } from '../recorded/wires.ts'
import { COMMAND, NOTE } from './agents.ts'

export type AgentWire = {
  readonly name: string
  readonly provider: string
  readonly model: string
  readonly format: Format
  readonly framing: RecordedWire
}

export const AGENT_WIRES: readonly AgentWire[] = [
  {
    name: 'anthropic',
    provider: 'preset: anthropic, keys: [upstream-key]',
    model: 'claude-sonnet-4-5',
    format: anthropic,
    framing: WIRES.anthropic,
  },
  {
    name: 'openai',
    provider: 'preset: openai-compatible, keys: [upstream-key]',
    model: 'm',
    format: openaiChat,
    framing: WIRES['openai-chat'],
  },
  {
    name: 'openai-responses',
    provider: 'preset: openai, keys: [upstream-key], quirks: { responses: only }',
    model: 'gpt-5-mini',
    format: openaiResponses,
    framing: WIRES['openai-responses'],
  },
  {
    name: 'gemini',
    provider: 'preset: gemini, keys: [upstream-key]',
    model: 'gemini-3-pro',
    format: gemini,
    framing: WIRES.gemini,
  },
  {
    name: 'gemini-interactions',
    provider: 'preset: gemini-interactions, keys: [upstream-key]',
    model: 'gemini-3-pro',
    format: interactions,
    framing: WIRES['gemini-interactions'],
  },
  {
    name: 'bedrock',
    provider: 'preset: bedrock, keys: [upstream-key], settings: { region: us-east-1 }',
    model: 'anthropic.claude-sonnet-4-5-v1:0',
    format: bedrock,
    framing: WIRES.bedrock,
  },
]

export const THOUGHT = {
  text: 'The shell can write the note.',
  // As long as a short real one: it must come back to the letter.
  proof: Buffer.from('a proof of the thought about the note, which only its maker can read').toString('base64'),
}

export const CALL_DESCRIPTION = 'Write the note'

/** The shells of agents, and what each of them takes. */
const SHELLS: readonly { readonly name: string; readonly input: (command: string) => JsonObject }[] = [
  { name: 'Bash', input: (command) => ({ command, description: CALL_DESCRIPTION }) },
  { name: 'bash', input: (command) => ({ command, description: CALL_DESCRIPTION }) },
  { name: 'exec_command', input: (cmd) => ({ cmd }) },
  { name: 'shell_command', input: (command) => ({ command }) },
  { name: 'shell', input: (command) => ({ command: ['bash', '-lc', command] }) },
  { name: 'run_shell_command', input: (command) => ({ command, description: CALL_DESCRIPTION }) },
]

export function hasResult(body: string): boolean {
  return body.includes(NOTE.text) && !body.slice(body.lastIndexOf(NOTE.text)).includes('&& cat')
}

/** What the model says to a request: to one without a shell it only says that it is there. */
export function saidToAgent(body: string): Spoken {
  if (hasResult(body)) return { type: 'text', text: NOTE.answer }
  // Python's clients put spaces into their JSON.
  const shell = SHELLS.find(({ name }) => new RegExp(`"name": ?"${name}"`).test(body))
  // aider tells its models to give files whole.
  if (shell === undefined && body.includes('*file listing*'))
    return { type: 'text', text: `${NOTE.answer}\n\n${NOTE.file}\n\`\`\`\n${NOTE.text}\n\`\`\`\n` }
  if (shell === undefined) return { type: 'text', text: 'Here I am.' }
  return { type: 'call', name: shell.name, input: shell.input(COMMAND), thought: THOUGHT }
}
