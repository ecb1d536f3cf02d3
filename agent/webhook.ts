import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { parseListenAddress } from './observability.ts';

/** GitLab's push events are small; their list of commits is bounded. */
const MAX_BYTES = 1024 * 1024;

export interface WebhookOptions {
  /** `HOST:PORT` or `:PORT`. */
  address: string;
  /** Of the webhook, read again for each request; without one nothing is accepted. */
  secret: () => Promise<string | undefined>;
  /** A push to this project: `group/project`. It says nothing but "look". */
  onPush: (project: string) => void;
}

/** Listens for GitLab's push events, which only make the agent look sooner: what it finds it reads from Git. */
export async function serveWebhook({
  address,
  secret,
  onPush,
}: WebhookOptions): Promise<AsyncDisposable & { port: number }> {
  const server = createServer((request, response) => {
    const answer = (status: number, text: string): void => {
      response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' });
      response.end(`${text}\n`);
    };
    if (request.method !== 'POST') return answer(405, 'POST only');
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_BYTES) {
        answer(413, 'too large');
        request.destroy();
      } else chunks.push(chunk);
    });
    request.on('end', () => {
      secret()
        .then((wanted) => {
          if (!wanted || !isSame(String(request.headers['x-gitlab-token'] ?? ''), wanted))
            return answer(401, 'the secret token is missing or wrong');
          const project = projectOf(Buffer.concat(chunks));
          if (project === undefined) return answer(400, 'no push event of a project');
          onPush(project);
          return answer(202, 'looking');
        })
        .catch(() => answer(500, 'the secret can not be read'));
    });
  });
  server.requestTimeout = 10_000;
  const { host, port } = parseListenAddress(address);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, ...(host && { host }) }, resolve);
  });
  return {
    port: (server.address() as { port: number }).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** In constant time, whatever their lengths. */
function isSame(given: string, wanted: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}

function projectOf(body: Buffer): string | undefined {
  try {
    const { object_kind: kind, project } = JSON.parse(body.toString('utf8')) as {
      object_kind?: unknown;
      project?: { path_with_namespace?: unknown };
    };
    const path = project?.path_with_namespace;
    const isPush = kind === 'push' || kind === 'tag_push';
    return isPush && typeof path === 'string' ? path : undefined;
  } catch {
    return undefined;
  }
}
