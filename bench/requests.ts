import { Agent, request } from 'node:https';

/** What the raw requests need to reach the API server. */
export interface Server {
  url: string;
  ca: string;
  token: string;
}

export interface RawRequest {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  path: string;
  /** JSON text. */
  body?: string;
}

const CONCURRENCY = 16;

/**
 * Sends requests over 16 keep-alive connections with nothing but `node:https`, and parses what comes back, as any
 * client must. Throws what the server says to the first one that fails; `allowed` are statuses that are no failure.
 */
export async function sendAll(
  server: Server,
  requests: readonly RawRequest[],
  options: { signal?: AbortSignal } = {},
): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY, ca: server.ca });
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < requests.length) {
      const one = requests[next]!;
      next += 1;
      const { status, text } = await send(server, agent, one, options.signal);
      const answer: { message?: string } = JSON.parse(text);
      if (status >= 400) {
        throw new Error(`${one.method} ${one.path}: ${status} ${answer.message ?? ''}`);
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: CONCURRENCY }, work));
  } finally {
    agent.destroy();
  }
}

function send(
  server: Server,
  agent: Agent,
  { method, path, body }: RawRequest,
  signal: AbortSignal | undefined,
): Promise<{ status: number; text: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
  const headers: Record<string, string> = {
    authorization: `Bearer ${server.token}`,
    accept: 'application/json',
  };
  if (body !== undefined) {
    headers['content-type'] = method === 'PATCH' ? 'application/apply-patch+yaml' : 'application/json';
  }
  const outgoing = request(`${server.url}${path}`, { method, agent, headers, signal }, (incoming) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () =>
      resolve({ status: incoming.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
    );
    incoming.on('error', reject);
  });
  outgoing.on('error', reject);
  outgoing.end(body);
  return promise;
}
