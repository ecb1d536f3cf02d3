import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { text } from 'node:stream/consumers';

export interface HttpServer {
  /** What is asked for stands behind it. */
  url: string;
  /** PEM, where it has TLS. */
  ca?: string;
  token: string;
}

export interface Ask {
  method?: string;
  headers?: Readonly<Record<string, string>>;
  body?: string;
}

/** HTTP/1.1 with keep-alive, and nothing more: what is asked for is thrown away. */
export class HttpClient implements Disposable {
  readonly #server: HttpServer;
  readonly #agent: http.Agent;
  readonly #request: typeof http.request;

  constructor(server: HttpServer) {
    this.#server = server;
    const isSecure = server.url.startsWith('https:');
    this.#agent = isSecure
      ? new https.Agent({ keepAlive: true, ...(server.ca !== undefined && { ca: server.ca }) })
      : new http.Agent({ keepAlive: true });
    this.#request = isSecure ? https.request : http.request;
  }

  /** Resolves once the header is there. Rejects for what is no success. */
  async open(path: string, { method = 'GET', headers, body }: Ask = {}): Promise<IncomingMessage> {
    const { url, token } = this.#server;
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const request = this.#request(
      url.replace(/\/$/, '') + path,
      {
        method,
        agent: this.#agent,
        headers: { authorization: `Bearer ${token}`, accept: 'application/json', ...headers },
      },
      resolve,
    );
    request.once('error', reject);
    request.end(body);
    const message = await promise;
    if ((message.statusCode ?? 0) < 300) return message;
    throw new Error(`${method} ${path}: ${message.statusCode} ${(await text(message)).slice(0, 200)}`);
  }

  /** Resolves once all of the answer was read: how long that took in ms, and its bytes. */
  async ask(path: string, ask: Ask = {}): Promise<{ ms: number; bytes: number }> {
    const startedAt = performance.now();
    const message = await this.open(path, ask);
    let bytes = 0;
    message.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    await new Promise((resolve, reject) => message.once('end', resolve).once('error', reject));
    return { ms: performance.now() - startedAt, bytes };
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}
