// General clouds, data platforms, and gateways in front of many vendors.
import { CHAT_ONLY, row, WITH_RESPONSES } from './preset.ts'
import type { Preset } from './preset.ts'

const AZURE_KEY = { type: 'header', header: 'api-key', prefix: '' } as const
const AZURE_VARIABLES = ['AZURE_OPENAI_API_KEY', 'AZURE_API_KEY'] as const

const QWEN = { maxTokensField: 'max_tokens', reasoningField: 'reasoning_content', topK: true } as const

const BEDROCK_URL = 'https://bedrock-runtime.{region}.amazonaws.com'
const BEDROCK_VARIABLE = 'AWS_BEARER_TOKEN_BEDROCK'
const BEDROCK = {
  auth: { type: 'aws', service: 'bedrock' },
  settings: { region: { env: 'AWS_REGION', default: 'us-west-2' } },
  priceId: 'aws',
} as const

const VERTEX_VARIABLE = 'GOOGLE_APPLICATION_CREDENTIALS_JSON'
const VERTEX_DOCS = 'https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference'
const VERTEX_PROJECT = { env: 'GOOGLE_CLOUD_PROJECT' }
// Who sets that variable may have done so for other ends: it alone starts nothing that costs.
const VERTEX = { wire: 'vertex', auth: { type: 'google' }, priceId: 'google', explicit: true } as const

const CLAUDE_ON_VERTEX_DOCS =
  'https://docs.cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude'
const CLAUDE_ON_VERTEX = { ...VERTEX, wire: 'vertex-anthropic', quirks: { mediaUrls: false } } as const

export const CLOUD_PRESETS = {
  azure: row(
    'Azure OpenAI (v1)',
    'https://{resource}.openai.azure.com/openai/v1',
    AZURE_VARIABLES,
    'https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle',
    {
      auth: AZURE_KEY,
      quirks: { developerRole: true, paths: WITH_RESPONSES },
      baseUrlEnv: 'AZURE_OPENAI_ENDPOINT',
      modelNames: 'operator',
      settings: { resource: { env: 'AZURE_RESOURCE_NAME' } },
      priceId: 'azure',
    },
  ),
  'azure-deployments': row(
    'Azure OpenAI (deployments)',
    'https://{resource}.openai.azure.com/openai/deployments',
    AZURE_VARIABLES,
    'https://learn.microsoft.com/azure/ai-foundry/openai/reference',
    {
      auth: AZURE_KEY,
      quirks: {
        developerRole: true,
        modelInPath: true,
        query: 'api-version={api_version}',
        paths: {
          chat: '/{model}/chat/completions',
          completions: '/{model}/completions',
          embeddings: '/{model}/embeddings',
          images: '/{model}/images',
          audio: '/{model}/audio',
        },
      },
      settings: {
        resource: { env: 'AZURE_RESOURCE_NAME' },
        api_version: { env: 'AZURE_OPENAI_API_VERSION', default: '2024-10-21' },
      },
      modelNames: 'operator',
      priceId: 'azure',
    },
  ),
  bedrock: row(
    'Amazon Bedrock',
    BEDROCK_URL,
    BEDROCK_VARIABLE,
    'https://docs.aws.amazon.com/bedrock/latest/APIReference',
    {
      ...BEDROCK,
      wire: 'bedrock',
    },
  ),
  'bedrock-anthropic': row(
    'Amazon Bedrock (Claude in Anthropic’s format)',
    BEDROCK_URL,
    BEDROCK_VARIABLE,
    'https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html',
    { ...BEDROCK, wire: 'bedrock-invoke', quirks: { mediaUrls: false } },
  ),
  'bedrock-openai': row(
    'Amazon Bedrock (OpenAI compatibility)',
    'https://bedrock-runtime.{region}.amazonaws.com/openai/v1',
    BEDROCK_VARIABLE,
    'https://docs.aws.amazon.com/bedrock/latest/userguide/inference-chat-completions.html',
    {
      quirks: { paths: CHAT_ONLY },
      settings: BEDROCK.settings,
      priceId: BEDROCK.priceId,
    },
  ),
  vertex: row(
    'Google Vertex AI (all regions)',
    'https://aiplatform.googleapis.com/v1/projects/{project}/locations/global/publishers/google',
    VERTEX_VARIABLE,
    VERTEX_DOCS,
    { ...VERTEX, settings: { project: VERTEX_PROJECT } },
  ),
  'vertex-region': row(
    'Google Vertex AI (one region)',
    'https://{region}-aiplatform.googleapis.com/v1/projects/{project}/locations/{region}/publishers/google',
    VERTEX_VARIABLE,
    VERTEX_DOCS,
    { ...VERTEX, settings: { project: VERTEX_PROJECT, region: { env: 'GOOGLE_CLOUD_LOCATION' } } },
  ),
  'vertex-anthropic': row(
    'Claude on Google Vertex AI (all regions)',
    'https://aiplatform.googleapis.com/v1/projects/{project}/locations/global/publishers/anthropic',
    VERTEX_VARIABLE,
    CLAUDE_ON_VERTEX_DOCS,
    { ...CLAUDE_ON_VERTEX, settings: { project: VERTEX_PROJECT } },
  ),
  'vertex-anthropic-region': row(
    'Claude on Google Vertex AI (one region)',
    'https://{region}-aiplatform.googleapis.com/v1/projects/{project}/locations/{region}/publishers/anthropic',
    VERTEX_VARIABLE,
    CLAUDE_ON_VERTEX_DOCS,
    { ...CLAUDE_ON_VERTEX, settings: { project: VERTEX_PROJECT, region: { env: 'GOOGLE_CLOUD_LOCATION' } } },
  ),
  'github-models': row(
    'GitHub Models',
    'https://models.github.ai/inference',
    ['GITHUB_MODELS_TOKEN', 'GITHUB_TOKEN'],
    'https://docs.github.com/rest/models/inference',
    { quirks: { paths: { completions: null } }, explicit: true },
  ),
  cloudflare: row(
    'Cloudflare Workers AI',
    'https://api.cloudflare.com/client/v4/accounts/{account}/ai/v1',
    ['CLOUDFLARE_API_TOKEN', 'CLOUDFLARE_API_KEY'],
    'https://developers.cloudflare.com/workers-ai/configuration/open-ai-compatibility',
    { settings: { account: { env: 'CLOUDFLARE_ACCOUNT_ID' } }, priceId: 'cloudflare', explicit: true },
  ),
  databricks: row(
    'Databricks',
    'https://{workspace}/serving-endpoints',
    'DATABRICKS_TOKEN',
    'https://docs.databricks.com/machine-learning/model-serving/query-chat-models',
    {
      quirks: { maxTokensField: 'max_tokens' },
      baseUrlEnv: 'DATABRICKS_HOST',
      explicit: true,
      modelNames: 'operator',
    },
  ),
  snowflake: row(
    'Snowflake Cortex',
    'https://{account}.snowflakecomputing.com/api/v2/cortex/v1',
    ['SNOWFLAKE_PAT', 'SNOWFLAKE_TOKEN'],
    'https://docs.snowflake.com/user-guide/snowflake-cortex/cortex-rest-api',
    { quirks: { paths: CHAT_ONLY }, settings: { account: { env: 'SNOWFLAKE_ACCOUNT' } }, explicit: true },
  ),
  watsonx: row(
    'IBM watsonx.ai model gateway',
    'https://{region}.ml.cloud.ibm.com/ml/gateway/v1',
    ['WATSONX_TOKEN', 'WATSONX_BEARER_TOKEN'],
    'https://www.ibm.com/docs/en/watsonx/saas?topic=generation-inferencing-gateway-models',
    { settings: { region: { env: 'WATSONX_REGION', default: 'us-south' } } },
  ),
  scaleway: row(
    'Scaleway Generative APIs',
    'https://api.scaleway.ai/v1',
    ['SCALEWAY_API_KEY', 'SCW_SECRET_KEY'],
    'https://www.scaleway.com/en/docs/generative-apis',
    { quirks: { paths: { completions: null } }, explicit: true },
  ),
  ovhcloud: row(
    'OVHcloud AI Endpoints',
    'https://oai.endpoints.kepler.ai.cloud.ovh.net/v1',
    ['OVHCLOUD_API_KEY', 'OVH_AI_ENDPOINTS_ACCESS_TOKEN'],
    'https://help.ovhcloud.com/csm/en-public-cloud-ai-endpoints-getting-started',
    { priceId: 'ovhcloud' },
  ),
  ionos: row(
    'IONOS AI Model Hub',
    'https://openai.inference.de-txl.ionos.com/v1',
    ['IONOS_API_TOKEN', 'IONOS_API_KEY'],
    'https://docs.ionos.com/cloud/ai/ai-model-hub',
    { explicit: true },
  ),
  digitalocean: row(
    'DigitalOcean Inference',
    'https://inference.do-ai.run/v1',
    ['DIGITALOCEAN_INFERENCE_KEY', 'MODEL_ACCESS_KEY'],
    'https://docs.digitalocean.com/products/genai-platform/how-to/use-serverless-inference',
    { explicit: true },
  ),
  vultr: row(
    'Vultr Inference',
    'https://api.vultrinference.com/v1',
    'VULTR_INFERENCE_API_KEY',
    'https://api.vultrinference.com',
  ),
  dashscope: row(
    'Alibaba DashScope (international)',
    'https://dashscope-intl.aliyuncs.com/compatible-mode/v1',
    'DASHSCOPE_API_KEY',
    'https://www.alibabacloud.com/help/en/model-studio/compatibility-of-openai-with-dashscope',
    { quirks: QWEN },
  ),
  'dashscope-cn': row(
    'Alibaba DashScope (China)',
    'https://dashscope.aliyuncs.com/compatible-mode/v1',
    ['DASHSCOPE_CN_API_KEY', 'DASHSCOPE_API_KEY'],
    'https://help.aliyun.com/zh/model-studio/compatibility-of-openai-with-dashscope',
    { quirks: QWEN },
  ),
  volcengine: row(
    'Volcengine Ark',
    'https://ark.{region}.volces.com/api/v3',
    ['ARK_API_KEY', 'VOLCENGINE_API_KEY'],
    'https://www.volcengine.com/docs/82379',
    { settings: { region: { default: 'cn-beijing' } } },
  ),
  qianfan: row(
    'Baidu Qianfan',
    'https://qianfan.baidubce.com/v2',
    'QIANFAN_API_KEY',
    'https://cloud.baidu.com/doc/qianfan-api/index.html',
  ),
  openrouter: row(
    'OpenRouter',
    'https://openrouter.ai/api/v1',
    'OPENROUTER_API_KEY',
    'https://openrouter.ai/docs/api-reference/overview',
    {
      quirks: { reasoningField: 'reasoning_details', cacheControl: true, topK: true, webSearch: 'tool' },
      priceId: 'openrouter',
    },
  ),
  vercel: row(
    'Vercel AI Gateway',
    'https://ai-gateway.vercel.sh/v1',
    'AI_GATEWAY_API_KEY',
    'https://vercel.com/docs/ai-gateway/openai-compat',
    { quirks: { paths: { completions: null } } },
  ),
  requesty: row('Requesty', 'https://router.requesty.ai/v1', 'REQUESTY_API_KEY', 'https://docs.requesty.ai'),
  helicone: row(
    'Helicone AI Gateway',
    'https://ai-gateway.helicone.ai/v1',
    'HELICONE_API_KEY',
    'https://docs.helicone.ai',
  ),
  portkey: row('Portkey', 'https://api.portkey.ai/v1', 'PORTKEY_API_KEY', 'https://portkey.ai/docs/api-reference', {
    auth: { type: 'header', header: 'x-portkey-api-key', prefix: '' },
  }),
  poe: row(
    'Poe',
    'https://api.poe.com/v1',
    'POE_API_KEY',
    'https://creator.poe.com/docs/external-applications/openai-compatible-api',
    {
      quirks: { paths: CHAT_ONLY },
    },
  ),
  aihubmix: row('AiHubMix', 'https://aihubmix.com/v1', 'AIHUBMIX_API_KEY', 'https://docs.aihubmix.com'),
  nanogpt: row(
    'NanoGPT',
    'https://nano-gpt.com/api/v1',
    ['NANOGPT_API_KEY', 'NANO_GPT_API_KEY'],
    'https://docs.nano-gpt.com',
  ),
} as const satisfies Readonly<Record<string, Preset>>
