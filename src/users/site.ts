// Everything at `/user`: the JSON API, pages with their forms, and payments.
import type { UserTools } from './action.ts'
import { openPage, submit } from './browser.ts'
import { callApi, inJson, topUp } from './json-api.ts'
import { visitOf } from './session.ts'
import { isReading, type SiteRequest } from './site-request.ts'
import { STYLE } from './style.ts'

/** Answers what a caller did wrong, too; what else goes wrong is thrown. */
export async function answerUser(site: SiteRequest, tools: UserTools): Promise<Response> {
  const rest = site.path.replace(/^\/user\/?/, '').replace(/\/$/, '')
  if (rest === 'style.css' && isReading(site.request)) return styleSheet()
  if (rest === 'topups') return inJson(() => topUp(site, tools))
  const visit = await visitOf(site.request, site.address, tools)
  if (rest.startsWith('api/')) return inJson(() => callApi(rest.slice('api/'.length), site, visit, tools))
  return isReading(site.request) ? openPage(rest, site, visit, tools) : submit(rest, site, visit, tools)
}

function styleSheet(): Response {
  return new Response(STYLE, {
    headers: {
      'content-type': 'text/css; charset=utf-8',
      'cache-control': 'max-age=3600',
      'x-content-type-options': 'nosniff',
    },
  })
}
