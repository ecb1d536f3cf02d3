import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { listen } from './listen.ts';

/** Whether something is as it should be, and what is not, a line each. */
export interface Probe {
  ok: boolean;
  lines: readonly string[];
}

export interface Observed {
  metrics: () => Promise<string>;
  metricsType: string;
  liveness: () => Probe;
  readiness: () => Probe;
  /** What else there is to be read, by path: JSON. */
  pages?: Readonly<Record<string, () => string | Promise<string>>>;
}

/**
 * Serves `/metrics`, `/liveness`, `/readiness` and what else there is on `HOST:PORT` or `:PORT`. Resolves with the address once it
 * listens; rejects where it can't.
 */
export async function serveObservability(
  address: string,
  observed: Observed,
): Promise<AsyncDisposable & { address: AddressInfo }> {
  const server = createServer((request, response) => {
    const answer = (status: number, type: string, body: string): void => {
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
      response.end(request.method === 'HEAD' ? undefined : body);
    };
    if (request.method !== 'GET' && request.method !== 'HEAD') return answer(405, TEXT, 'GET only\n');
    const pathname = (request.url ?? '/').split('?', 1)[0]!;
    const probe = PROBES.has(pathname) ? observed[pathname.slice(1) as 'liveness' | 'readiness'] : undefined;
    if (probe) {
      const { ok, lines } = probe();
      return answer(ok ? 200 : 503, TEXT, `${[ok ? 'ok' : 'not ok', ...lines].join('\n')}\n`);
    }
    const page = observed.pages && Object.hasOwn(observed.pages, pathname) && observed.pages[pathname];
    if (!page && pathname !== '/metrics')
      return answer(404, TEXT, 'there are /metrics, /liveness and /readiness\n');
    const text = page ? Promise.resolve(page()).then((json) => `${json}\n`) : observed.metrics();
    text.then(
      (body) => answer(200, page ? 'application/json' : observed.metricsType, body),
      () => answer(500, TEXT, 'that could not be collected\n'),
    );
  });
  return listen(server, address);
}

const PROBES = new Set(['/liveness', '/readiness']);
const TEXT = 'text/plain; charset=utf-8';
