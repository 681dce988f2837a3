// The agents that `npm run agents` runs, each as its documentation says that it is pointed at another address.

/** The task: a note that the agent's shell writes, and what the model says when it is told that it was written. */
export const NOTE = { file: 'note.txt', text: 'measured at the weir', answer: 'The note about the weir is written.' }

/** The command that the model asks the shell to run. */
export const COMMAND = `echo '${NOTE.text}' > ${NOTE.file} && cat ${NOTE.file}`

export const PROMPT = 'Write the note about the weir with your shell.'

type Place = { readonly url: string; readonly key: string; readonly model: string; readonly home: string }

type Setup = {
  readonly args: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** Files below the home folder. */
  readonly files: Readonly<Record<string, string>>
}

/** Where an agent comes from, by exact versions: a program of npm, a program of PyPI, or a framework of PyPI with a script of ours. */
type Source =
  | { readonly type: 'npm'; readonly package: string; readonly version: string; readonly binary: string }
  | { readonly type: 'pypi'; readonly packages: readonly string[]; readonly binary: string }
  | { readonly type: 'script'; readonly packages: readonly string[]; readonly script: string }

export type Agent = {
  readonly name: string
  readonly source: Source
  /** It writes files by what the model says, and knows no calls. */
  readonly hasNoCalls?: true
  setup(place: Place): Setup
}

const LANGCHAIN = ['langchain-openai==1.7.4', 'langchain-anthropic==1.7.10', 'langchain-google-genai==4.4.2']
const LLAMAINDEX = [
  'llama-index-core==0.14.25',
  'llama-index-llms-openai-like==0.8.1',
  'llama-index-llms-anthropic==0.12.3',
  // It does not work with the SDK's versions from 1 on.
  'anthropic==0.125.0',
]

/** Nothing but the task: no repository, no questions, no calls of home. */
const AIDER = (
  '--edit-format whole --yes-always --no-git --no-check-update --no-show-release-notes --analytics-disable ' +
  '--no-show-model-warnings --no-pretty --no-suggest-shell-commands'
).split(' ')

/** A framework does the task with a shell of the script's. */
function framework(name: string, packages: readonly string[], client: string): Agent {
  return {
    name: `${name}-${client}`,
    source: { type: 'script', packages, script: `agent_${name}.py` },
    setup: ({ url, key, model }) => ({
      args: [client, PROMPT],
      environment: { WEIR_URL: url, WEIR_KEY: key, WEIR_MODEL: model },
      files: {},
    }),
  }
}

export const AGENTS: readonly Agent[] = [
  {
    name: 'claude-code',
    source: { type: 'npm', package: '@anthropic-ai/claude-code', version: '2.1.197', binary: 'claude' },
    setup: ({ url, key, model }) => ({
      args: ['-p', PROMPT, '--allowedTools', 'Bash'],
      environment: {
        ANTHROPIC_BASE_URL: url,
        ANTHROPIC_AUTH_TOKEN: key,
        ANTHROPIC_MODEL: model,
        ANTHROPIC_SMALL_FAST_MODEL: model,
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      },
      files: {},
    }),
  },
  {
    name: 'codex',
    source: { type: 'npm', package: '@openai/codex', version: '0.171.0', binary: 'codex' },
    setup: ({ url, key, model }) => ({
      // The folder of the task is its sandbox already.
      args: ['exec', '--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox', PROMPT],
      environment: { WEIR_API_KEY: key },
      files: {
        '.codex/config.toml': `model = "${model}"
model_provider = "weir"
web_search = "disabled"

[model_providers.weir]
name = "Weir"
base_url = "${url}/v1"
env_key = "WEIR_API_KEY"
wire_api = "responses"
`,
      },
    }),
  },
  {
    name: 'gemini-cli',
    source: { type: 'npm', package: '@google/gemini-cli', version: '0.61.0', binary: 'gemini' },
    setup: ({ url, key, model }) => ({
      args: ['--yolo', '--skip-trust', '-m', model, '-p', PROMPT],
      environment: { GOOGLE_GEMINI_BASE_URL: url, GEMINI_API_KEY: key },
      files: {
        '.gemini/settings.json': JSON.stringify({
          security: { auth: { selectedType: 'gemini-api-key' } },
          privacy: { usageStatisticsEnabled: false },
          general: { disableAutoUpdate: true },
        }),
      },
    }),
  },
  {
    name: 'opencode',
    source: { type: 'npm', package: 'opencode-ai', version: '1.18.33', binary: 'opencode' },
    setup: ({ url, key, model }) => ({
      args: ['run', '-m', `weir/${model}`, PROMPT],
      environment: { WEIR_API_KEY: key, OPENCODE_DISABLE_AUTOUPDATE: '1', OPENCODE_DISABLE_MODELS_FETCH: '1' },
      files: {
        '.config/opencode/opencode.json': JSON.stringify({
          provider: {
            weir: {
              npm: '@ai-sdk/openai-compatible',
              name: 'Weir',
              options: { baseURL: `${url}/v1`, apiKey: '{env:WEIR_API_KEY}' },
              models: { [model]: { name: model } },
            },
          },
          permission: { bash: 'allow' },
          share: 'disabled',
        }),
      },
    }),
  },
  {
    name: 'continue',
    source: { type: 'npm', package: '@continuedev/cli', version: '1.5.47', binary: 'cn' },
    setup: ({ url, key, model, home }) => ({
      args: ['-p', PROMPT, '--config', `${home}/config.yaml`, '--allow', 'Bash'],
      environment: { CONTINUE_TELEMETRY_ENABLED: '0' },
      files: {
        'config.yaml': `name: weir
version: 0.0.1
schema: v1
models:
  - name: weir
    provider: openai
    model: ${model}
    apiBase: ${url}/v1
    apiKey: ${key}
    capabilities: [tool_use]
`,
      },
    }),
  },
  {
    name: 'aider',
    source: { type: 'pypi', packages: ['aider-chat==0.86.2'], binary: 'aider' },
    hasNoCalls: true,
    setup: ({ url, key, model }) => ({
      args: ['--model', `openai/${model}`, '--message', PROMPT, ...AIDER],
      environment: { OPENAI_API_BASE: `${url}/v1`, OPENAI_API_KEY: key, LITELLM_LOCAL_MODEL_COST_MAP: 'True' },
      files: {},
    }),
  },
  ...['openai', 'responses', 'anthropic', 'google'].map((client) => framework('langchain', LANGCHAIN, client)),
  ...['openai', 'anthropic'].map((client) => framework('llamaindex', LLAMAINDEX, client)),
]
