import { once } from 'node:events';
import { Agent, createServer, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface PollCache extends AsyncDisposable {
  url: string;
  /** How many Git requests came. */
  requests(): number;
}

/**
 * Stands in front of a GitLab and answers a poll that it has seen before by itself: a day's worth of polls would
 * otherwise measure the processes that answer them. Nothing may be pushed to what was polled once through it twice.
 */
export async function pollCache(behind: string): Promise<PollCache> {
  const answers = new Map<string, { headers: Record<string, string>; body: Buffer }>();
  const agent = new Agent({ keepAlive: true });
  let count = 0;
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await Array.fromAsync(request));
    const path = request.url!;
    if (path.includes('git-upload-pack')) count += 1;
    const isPoll = request.method === 'POST' && body.includes('command=ls-refs');
    // The configuration moves between the parts of the benchmark.
    const key = isPoll && !path.includes('/agents.git') ? `${path}\n${body.toString('latin1')}` : undefined;
    const known = key === undefined ? undefined : answers.get(key);
    if (known) return void response.writeHead(200, known.headers).end(known.body);
    const outgoing = send(
      `${behind}${path}`,
      { method: request.method!, headers: request.headers, agent },
      async (incoming) => {
        const answer = Buffer.concat(await Array.fromAsync(incoming));
        const type = String(incoming.headers['content-type']);
        if (key !== undefined && incoming.statusCode === 200)
          answers.set(key, { headers: { 'content-type': type }, body: answer });
        response.writeHead(incoming.statusCode!, incoming.headers).end(answer);
      },
    );
    outgoing.on('error', () => response.destroy());
    outgoing.end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: () => count,
    async [Symbol.asyncDispose]() {
      agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
