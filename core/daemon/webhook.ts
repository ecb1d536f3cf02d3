import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { listen } from './listen.ts';

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
}: WebhookOptions): Promise<AsyncDisposable & { address: AddressInfo }> {
  const server = createServer((request, response) => {
    const answer = (status: number, text: string): void => {
      response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' });
      response.end(`${text}\n`);
    };
    const take = async (): Promise<void> => {
      if (request.method !== 'POST') return answer(405, 'POST only');
      const wanted = await secret().catch(() => undefined);
      // Of whoever does not know the secret nothing is read.
      if (!wanted || !isSame(String(request.headers['x-gitlab-token'] ?? ''), wanted))
        return answer(401, 'the secret token is missing or wrong');
      const body = await bodyOf(request);
      if (!body) return answer(413, 'too large');
      const project = projectOf(body);
      if (project === undefined) return answer(400, 'no push event of a project');
      onPush(project);
      return answer(202, 'looking');
    };
    // A sender that goes away is its own business.
    take().catch(() => response.destroy());
  });
  return listen(server, address);
}

/** The whole body; undefined where it is too large. */
async function bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  // The answer still has to go out when reading ends early.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    size += chunk.length;
    if (size > MAX_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
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
