// What a channel's number means in one-api and in new-api, and which preset of ours calls the same API.
// Sources: `relay/channeltype` of songquanpeng/one-api (0.6.11) and `constant/channel.go` of QuantumNous/new-api.

/** How key and address of a channel are read, where they are more than a secret and an address. */
type ChannelForm =
  | 'plain'
  /** A resource's address, and a version beside it. */
  | 'deployments'
  /** `access key|secret key|region`, or `API key|region`. */
  | 'signed'
  /** The content of a service account's file; region beside it. */
  | 'project'
  /** The id of an account beside the key. */
  | 'account'

/** `path`: what is behind the address of a channel before `/chat/completions`. `base`: the address of channels that have none. */
export type ChannelHost = {
  readonly title: string
  readonly preset: string
  readonly path: string
  readonly base?: string
  /** The host has no address of its own: a channel without one is incomplete. */
  readonly needsBase?: true
  readonly form?: ChannelForm
  /** What is different from what the channel did. */
  readonly change?: string
}

export type ChannelType = ChannelHost | { readonly title: string; readonly reason: string }

const NATIVE_ALI = 'the same key is used at the OpenAI-compatible address (`compatible-mode`)'
const RESELLER = { preset: 'openai-compatible', path: '/v1', needsBase: true } as const
const OTHER_API = 'there is no provider for its API'
const NO_MEDIA_TASKS = 'pictures and films by tasks of this API have no counterpart'

const openai = { title: 'OpenAI', preset: 'openai', path: '/v1' }
const azure: ChannelHost = {
  title: 'Azure',
  preset: 'azure-deployments',
  path: '/openai/deployments',
  form: 'deployments',
  needsBase: true,
}
const anthropic = { title: 'Anthropic', preset: 'anthropic', path: '' }
const zhipu = { title: 'Zhipu', preset: 'zhipu', path: '/api/paas/v4' }
const ali = { title: 'Ali', preset: 'dashscope-cn', path: '/compatible-mode/v1', change: NATIVE_ALI }
const openrouter = { title: 'OpenRouter', preset: 'openrouter', path: '/v1' }
const gemini = { title: 'Gemini', preset: 'gemini', path: '/v1beta' }
const moonshot = { title: 'Moonshot', preset: 'moonshot-cn', path: '/v1' }
const ollama = { title: 'Ollama', preset: 'ollama-native', path: '' }
const lingyi = { title: 'LingYiWanWu', preset: 'yi', path: '/v1' }
const aws: ChannelHost = { title: 'AWS', preset: 'bedrock', path: '', form: 'signed' }
const cohere = { title: 'Cohere', preset: 'cohere', path: '' }
const minimax = { title: 'MiniMax', preset: 'minimax-cn', path: '/v1' }
const mistral = { title: 'Mistral', preset: 'mistral', path: '/v1' }
const deepseek = { title: 'DeepSeek', preset: 'deepseek', path: '/v1' }
const cloudflare: ChannelHost = { title: 'Cloudflare', preset: 'cloudflare', path: '', form: 'account' }
const volcengine = { title: 'Doubao', preset: 'volcengine', path: '/api/v3' }
const siliconflow = { title: 'SiliconFlow', preset: 'siliconflow-cn', path: '/v1' }
const xai = { title: 'xAI', preset: 'xai', path: '/v1' }
const vertex: ChannelHost = { title: 'Vertex AI', preset: 'vertex', path: '', form: 'project' }
const qianfan = { title: 'Baidu (V2)', preset: 'qianfan', path: '/v2' }

const baidu = { title: 'Baidu', reason: 'its old API takes pairs of keys; Qianfan’s V2 takes one (preset `qianfan`)' }
const xunfei = {
  title: 'Xunfei',
  reason: 'its WebSocket takes three keys; the HTTP API takes one password (preset `spark`)',
}
const tencent = {
  title: 'Tencent',
  reason: 'its signed API takes pairs of keys; Hunyuan’s compatible one takes an API key (preset `hunyuan`)',
}
const palm = { title: 'PaLM', reason: 'the API has ended' }
const coze = { title: 'Coze', reason: OTHER_API }

/** Channels that both number alike: before they parted. */
const COMMON: Readonly<Record<number, ChannelType>> = {
  1: openai,
  3: azure,
  5: { title: 'OpenAI-SB', base: 'https://api.openai-sb.com', ...RESELLER },
  6: { title: 'OpenAIMax', base: 'https://api.openaimax.com', ...RESELLER },
  7: { title: 'OhMyGPT', base: 'https://api.ohmygpt.com', ...RESELLER },
  9: { title: 'AILS', base: 'https://api.caipacity.com', ...RESELLER },
  10: { title: 'AIProxy', base: 'https://api.aiproxy.io', ...RESELLER },
  11: palm,
  12: { title: 'API2GPT', base: 'https://api.api2gpt.com', ...RESELLER },
  13: { title: 'AIGC2D', base: 'https://api.aigc2d.com', ...RESELLER },
  14: anthropic,
  15: baidu,
  16: zhipu,
  17: ali,
  18: xunfei,
  20: openrouter,
  21: { title: 'AIProxy library', reason: OTHER_API },
  22: { title: 'FastGPT', base: 'https://fastgpt.run/api/openapi', ...RESELLER },
  23: tencent,
  24: gemini,
  25: moonshot,
  33: aws,
}

export const ONE_API_CHANNELS: Readonly<Record<number, ChannelType>> = {
  ...COMMON,
  2: { title: 'API2D', base: 'https://oa.api2d.net', ...RESELLER },
  4: { title: 'CloseAI', base: 'https://api.closeai-proxy.xyz', ...RESELLER },
  8: { title: 'Custom', ...RESELLER },
  19: { title: '360', base: 'https://ai.360.cn', ...RESELLER },
  26: { title: 'Baichuan', preset: 'baichuan', path: '/v1' },
  27: minimax,
  28: mistral,
  29: { title: 'Groq', preset: 'groq', path: '/v1' },
  30: ollama,
  31: lingyi,
  32: { title: 'StepFun', preset: 'stepfun', path: '/v1' },
  34: coze,
  35: cohere,
  36: deepseek,
  37: cloudflare,
  38: { title: 'DeepL', reason: 'texts are not translated by a chat here' },
  39: { title: 'Together', preset: 'together', path: '/v1' },
  40: volcengine,
  41: { title: 'Novita', preset: 'novita', path: '' },
  42: vertex,
  43: {
    title: 'Proxy',
    reason: 'a provider’s own API is reached at `/pass/<provider>/…`, not by a channel of its own',
  },
  44: siliconflow,
  45: xai,
  46: { title: 'Replicate', preset: 'replicate', path: '', change: 'pictures only; its chats have no counterpart' },
  47: qianfan,
  48: { title: 'Xunfei (V2)', preset: 'spark', path: '/v1' },
  49: { title: 'Ali Bailian', preset: 'dashscope-cn', path: '/compatible-mode/v1' },
  50: { title: 'OpenAI compatible', preset: 'openai-compatible', path: '', needsBase: true },
  51: { title: 'Gemini (OpenAI compatible)', preset: 'gemini-openai', path: '' },
}

export const NEW_API_CHANNELS: Readonly<Record<number, ChannelType>> = {
  ...COMMON,
  2: { title: 'Midjourney', reason: NO_MEDIA_TASKS },
  4: ollama,
  5: { title: 'Midjourney Plus', reason: NO_MEDIA_TASKS },
  8: {
    title: 'Custom',
    preset: 'openai-compatible',
    path: '',
    needsBase: true,
    change: 'its address is that of the whole API, not of one endpoint',
  },
  19: { title: '360', base: 'https://api.360.cn', ...RESELLER },
  26: zhipu,
  27: { title: 'Perplexity', preset: 'perplexity', path: '' },
  31: lingyi,
  34: cohere,
  35: minimax,
  36: { title: 'Suno', reason: NO_MEDIA_TASKS },
  37: { title: 'Dify', reason: OTHER_API },
  38: { title: 'Jina', preset: 'jina', path: '/v1' },
  39: cloudflare,
  40: siliconflow,
  41: vertex,
  42: mistral,
  43: deepseek,
  44: { title: 'MokaAI', reason: OTHER_API },
  45: volcengine,
  46: qianfan,
  47: { title: 'Xinference', preset: 'xinference', path: '/v1' },
  48: xai,
  49: coze,
  50: { title: 'Kling', reason: NO_MEDIA_TASKS },
  51: { title: 'Jimeng', reason: NO_MEDIA_TASKS },
  52: { title: 'Vidu', reason: NO_MEDIA_TASKS },
  53: { title: 'Submodel', base: 'https://llm.submodel.ai', ...RESELLER },
  54: { title: 'Doubao video', reason: NO_MEDIA_TASKS },
  55: { title: 'Sora', reason: NO_MEDIA_TASKS },
  56: { title: 'Replicate', preset: 'replicate', path: '' },
  57: { title: 'Codex', reason: 'it calls with the login of a person, not with a key' },
}
