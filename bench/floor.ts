// The floor of the bench: the least that a proxy on Bun can do. It reads the request, fetches the upstream that its argument
// names, and passes the answer's body through. Prints `{"port":N}` when it listens.
const upstream = process.argv[2]
if (upstream === undefined) throw new Error('usage: bun bench/floor.ts http://127.0.0.1:PORT/path')

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  idleTimeout: 0,
  async fetch(request) {
    const { pathname } = new URL(request.url)
    const answer = await fetch(upstream + pathname, {
      method: request.method,
      headers: request.headers,
      body: await request.arrayBuffer(),
    })
    return new Response(answer.body, { status: answer.status, headers: answer.headers })
  },
})

process.stdout.write(`${JSON.stringify({ port: server.port })}\n`)
// Whoever started this is gone.
process.stdin.on('end', () => process.exit()).resume()
