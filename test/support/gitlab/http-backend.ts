/** `git http-backend` as a CGI program: bodies are streamed both ways. */
import { spawn } from 'node:child_process';
import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import type { Answer } from './answer.ts';
import { gitEnvironment } from './git-process.ts';

export interface BackendRequest {
  request: IncomingMessage;
  /** The program itself, from git's exec path. */
  program: string;
  /** The folder that holds the repositories, and the path below it, with the service: `/7.git/info/refs`. */
  root: string;
  path: string;
  query: string;
  /** Who pushes; git's server wants a name before it takes anything. */
  user: string;
  hooks: string;
  /** For the hooks. */
  environment: Readonly<Record<string, string>>;
  /** Ends the program when the client has gone. */
  signal: AbortSignal;
  /** Called once it has ended. */
  ended: () => void;
}

/** Resolves once the program has written its headers. */
export async function httpBackend(backend: BackendRequest): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const body = new PassThrough();
  const child = spawn(backend.program, [], { env: environmentOf(backend) });
  const stop = (): void => {
    child.kill();
    // What nobody reads any more would keep the program's end from being seen.
    child.stdout.destroy();
    body.destroy();
  };
  backend.signal.addEventListener('abort', stop, { once: true });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  child.on('error', reject);
  child.on('close', () => {
    backend.signal.removeEventListener('abort', stop);
    backend.ended();
    reject(new Error(`git http-backend gave no answer: ${stderr}`));
  });
  // The program may end before it has read everything, and so may the client before it has sent it.
  child.stdin.on('error', () => {});
  backend.request.on('error', stop);
  backend.request.pipe(child.stdin);
  readHead(child.stdout, (head, rest) => {
    const { status, headers } = parseHead(head);
    body.write(rest);
    child.stdout.pipe(body);
    resolve({ status, headers, body });
  });
  return await promise;
}

function environmentOf({ request, root, path, query, user, hooks, environment }: BackendRequest) {
  const { headers } = request;
  const given = {
    CONTENT_TYPE: headers['content-type'],
    CONTENT_LENGTH: headers['content-length'],
    HTTP_CONTENT_ENCODING: headers['content-encoding'],
    GIT_PROTOCOL: headers['git-protocol'] as string | undefined,
  };
  return {
    ...gitEnvironment({ 'core.hooksPath': hooks }),
    GIT_PROJECT_ROOT: root,
    GIT_HTTP_EXPORT_ALL: '1',
    REQUEST_METHOD: request.method!,
    PATH_INFO: path,
    QUERY_STRING: query,
    REMOTE_USER: user,
    REMOTE_ADDR: '127.0.0.1',
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    ...environment,
  };
}

/** Calls back once with the head of a CGI answer, and what came with it of the body. */
function readHead(stream: NodeJS.ReadableStream, found: (head: string, rest: Buffer) => void): void {
  let seen = Buffer.alloc(0);
  const take = (chunk: Buffer): void => {
    seen = Buffer.concat([seen, chunk]);
    const end = seen.indexOf('\r\n\r\n');
    if (end < 0) return;
    stream.removeListener('data', take);
    stream.pause();
    found(seen.subarray(0, end).toString('latin1'), seen.subarray(end + 4));
  };
  stream.on('data', take);
}

function parseHead(head: string): { status: number; headers: Record<string, string> } {
  const headers: Record<string, string> = {};
  for (const line of head.split('\r\n')) {
    const colon = line.indexOf(':');
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  const { status = '200', ...rest } = headers;
  return { status: Number.parseInt(status, 10), headers: rest };
}
