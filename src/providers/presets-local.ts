// Servers that people run themselves, the generic row, and the built-in simulator.
import { localRow, row, WITH_RESPONSES } from './preset.ts'
import type { Preset } from './preset.ts'

export const LOCAL_PRESETS = {
  vllm: localRow(
    'vLLM',
    'http://127.0.0.1:8000/v1',
    'https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html',
    {
      quirks: { topK: true },
      env: ['VLLM_API_KEY'],
      baseUrlEnv: 'VLLM_BASE_URL',
    },
  ),
  sglang: localRow('SGLang', 'http://127.0.0.1:30000/v1', 'https://docs.sglang.ai/basic_usage/openai_api.html', {
    quirks: { topK: true },
  }),
  ollama: localRow('Ollama', 'http://127.0.0.1:11434/v1', 'https://docs.ollama.com/openai', {
    quirks: { maxTokensField: 'max_tokens', mediaUrls: false },
    baseUrlEnv: 'OLLAMA_HOST',
  }),
  'ollama-native': localRow('Ollama (its own API)', 'http://127.0.0.1:11434', 'https://docs.ollama.com/api/chat', {
    wire: 'ollama',
    quirks: { modelsPath: '/api/tags' },
    baseUrlEnv: 'OLLAMA_HOST',
  }),
  lmstudio: localRow('LM Studio', 'http://127.0.0.1:1234/v1', 'https://lmstudio.ai/docs/developer/openai-compat', {
    quirks: { maxTokensField: 'max_tokens', paths: WITH_RESPONSES },
  }),
  llamacpp: localRow(
    'llama.cpp server',
    'http://127.0.0.1:8080/v1',
    'https://github.com/ggml-org/llama.cpp/tree/master/tools/server',
    { env: ['LLAMA_SERVER_API_KEY'] },
  ),
  llamafile: localRow('llamafile', 'http://127.0.0.1:8080/v1', 'https://github.com/Mozilla-Ocho/llamafile'),
  localai: localRow('LocalAI', 'http://127.0.0.1:8080/v1', 'https://localai.io', { env: ['LOCALAI_API_KEY'] }),
  tgi: localRow(
    'Text Generation Inference',
    'http://127.0.0.1:8080/v1',
    'https://huggingface.co/docs/text-generation-inference/reference/api_reference',
  ),
  tei: localRow(
    'Text Embeddings Inference',
    'http://127.0.0.1:8080/v1',
    'https://huggingface.co/docs/text-embeddings-inference/quick_tour',
    { quirks: { paths: { chat: null, completions: null } } },
  ),
  xinference: localRow('Xinference', 'http://127.0.0.1:9997/v1', 'https://inference.readthedocs.io', {
    env: ['XINFERENCE_API_KEY'],
  }),
  jan: localRow('Jan', 'http://127.0.0.1:1337/v1', 'https://jan.ai/docs/desktop/api-server', { env: ['JAN_API_KEY'] }),
  koboldcpp: localRow('KoboldCpp', 'http://127.0.0.1:5001/v1', 'https://github.com/LostRuins/koboldcpp/wiki'),
  textgen: localRow(
    'text-generation-webui',
    'http://127.0.0.1:5000/v1',
    'https://github.com/oobabooga/text-generation-webui/wiki/12-%E2%80%90-OpenAI-API',
  ),
  gpt4all: localRow('GPT4All', 'http://127.0.0.1:4891/v1', 'https://docs.gpt4all.io/gpt4all_api_server/home.html'),
  mlx: localRow(
    'MLX LM server',
    'http://127.0.0.1:8080/v1',
    'https://github.com/ml-explore/mlx-lm/blob/main/mlx_lm/SERVER.md',
  ),
  'tensorrt-llm': localRow(
    'TensorRT-LLM server',
    'http://127.0.0.1:8000/v1',
    'https://nvidia.github.io/TensorRT-LLM/commands/trtllm-serve/index.html',
  ),
  'docker-model-runner': localRow(
    'Docker Model Runner',
    'http://127.0.0.1:12434/engines/v1',
    'https://docs.docker.com/ai/model-runner/api-reference',
  ),
  litellm: localRow('LiteLLM proxy', 'http://127.0.0.1:4000/v1', 'https://docs.litellm.ai/docs/proxy/user_keys', {
    env: ['LITELLM_API_KEY', 'LITELLM_MASTER_KEY'],
    baseUrlEnv: 'LITELLM_BASE_URL',
  }),
  'openai-compatible': localRow('Any OpenAI-compatible server', '', 'https://platform.openai.com/docs/api-reference'),
  custom: localRow('Any HTTP API, described in the configuration', '', 'https://www.rfc-editor.org/rfc/rfc6901', {
    wire: 'custom',
  }),
  simulator: row('Built-in simulator', 'simulator://local/v1', null, 'https://platform.openai.com/docs/api-reference', {
    auth: { type: 'none' },
    wire: 'simulator',
    local: true,
  }),
} as const satisfies Readonly<Record<string, Preset>>
