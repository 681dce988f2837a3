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

export type Agent = {
  readonly name: string
  readonly npm: { readonly package: string; readonly version: string }
  readonly binary: string
  setup(place: Place): Setup
}

export const AGENTS: readonly Agent[] = [
  {
    name: 'claude-code',
    npm: { package: '@anthropic-ai/claude-code', version: '2.1.197' },
    binary: 'claude',
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
    npm: { package: '@openai/codex', version: '0.171.0' },
    binary: 'codex',
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
    npm: { package: '@google/gemini-cli', version: '0.61.0' },
    binary: 'gemini',
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
    npm: { package: 'opencode-ai', version: '1.18.33' },
    binary: 'opencode',
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
]
