import type { IncomingMessage } from 'node:http';
import type { Credential } from '../access/visitors.ts';
import { Refusal } from './refusal.ts';

/** What a request asks of a cluster before its body, without what is not for the cluster. */
export interface RequestTarget {
  method: string;
  /** Decoded; below the prefix; begins with a slash. */
  path: string;
  query: [name: string, value: string][];
  headers: [name: string, value: string][];
  /** Undefined where there is no body, -1 where nobody knows. */
  contentLength: number | undefined;
}

/** With who asks, and which agent. */
export interface RequestHead extends RequestTarget {
  agentId: bigint;
  credential: Credential;
}

/** Longer than any token of GitLab. */
const MOST_TOKEN_CHARACTERS = 2_048;
/** Longer than any of Kubernetes, and still a line of a log. */
const MOST_PATH_CHARACTERS = 8_192;
const MOST_NAME_CHARACTERS = 80;

// Of the connection, RFC 9110 §7.6.1, and of Kubernetes' and proxies' ways to say who somebody is.
const DROPPED = new Set([
  ...['connection', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'proxy-connection'],
  ...['host', 'content-length', 'expect', 'authorization', 'proxy-authorization', 'cookie', 'forwarded'],
  ...['x-real-ip', 'x-csrf-token', 'via', 'origin', 'referer'],
]);
const DROPPED_PREFIXES = ['x-forwarded-', 'x-remote-', 'gitlab-', 'sec-fetch-'];
const DROPPED_QUERY = new Set(['gitlab-agent-id', 'gitlab-csrf-token']);
/** A credential for the cluster that a browser would send: the cluster's credential is the agent's alone. */
const BEARER_PROTOCOL = 'base64url.bearer.authorization.k8s.io.';

/** Throws Refusal for what nobody sends who means well. `isUpgrade`: the connection is to be upgraded. */
export function readHead(request: IncomingMessage, prefix: string, isUpgrade: boolean): RequestHead {
  const target = readTarget(request, prefix, isUpgrade);
  return { ...target, ...credentialOf(valuesOf(headerPairs(request), 'authorization')) };
}

/** As `readHead`, for requests of which somebody else knows who asks. */
export function readTarget(request: IncomingMessage, prefix: string, isUpgrade: boolean): RequestTarget {
  const { url = '', method = 'GET' } = request;
  // It would show what others add to a request on its way.
  if (method === 'TRACE') throw new Refusal(405, 'the method TRACE is not allowed');
  const [rawPath = '', rawQuery = ''] = url.split(/\?(.*)/s);
  const path = pathOf(rawPath, prefix);
  const pairs = headerPairs(request);
  const contentLength = lengthOf(pairs);
  // Its body would be taken for what is sent by the new protocol.
  if (isUpgrade && contentLength !== undefined)
    throw new Refusal(400, 'Bad request: a request with a body can not be upgraded');
  for (const [name] of pairs)
    if (hyphened(name).startsWith('impersonate-'))
      throw new Refusal(
        400,
        `the header ${name.slice(0, MOST_NAME_CHARACTERS)} is not allowed: the agent's configuration says as whom requests are made`,
      );
  const own = new Set(
    valuesOf(pairs, 'connection').flatMap((value) =>
      value.split(',').map((name) => name.trim().toLowerCase()),
    ),
  );
  const isKept = (name: string): boolean =>
    !DROPPED.has(hyphened(name)) &&
    !own.has(name) &&
    !DROPPED_PREFIXES.some((start) => hyphened(name).startsWith(start));
  const headers = pairs.filter(([name]) => isKept(name)).flatMap(withoutBearerProtocol);
  headers.push(['via', '1.1 gitlab-agent-server']);
  if (isUpgrade) headers.push(['connection', 'Upgrade'], ['upgrade', protocolOf(valuesOf(pairs, 'upgrade'))]);
  return {
    method,
    path,
    query: [...new URLSearchParams(rawQuery)].filter(([name]) => !DROPPED_QUERY.has(name)),
    headers,
    contentLength,
  };
}

/** A path that says one thing only, however often somebody on its way decodes or shortens it. */
function pathOf(raw: string, prefix: string): string {
  const refuse = (why: string): never => {
    throw new Refusal(400, `Bad request: ${why}`);
  };
  if (!raw.startsWith(prefix)) refuse('URL does not start with expected prefix');
  if (raw.length > MOST_PATH_CHARACTERS) refuse('the path is too long');
  if (/%(?:25)*(?:2f|5c)|\\/i.test(raw)) refuse('the path has an encoded slash, or a backslash');
  let path: string;
  try {
    path = decodeURIComponent(raw.slice(prefix.length - 1));
  } catch {
    return refuse('the path is not encoded as it should be');
  }
  if (/[\x00-\x1f\x7f\\]/.test(path)) refuse('the path has control characters');
  if (path.split('/').some((part) => /^\.{1,2}$/.test(part.replaceAll(/%(?:25)*2e/gi, '.'))))
    refuse('the path has a segment "." or ".."');
  if (path.startsWith('//')) refuse('the path begins with two slashes');
  return path;
}

function credentialOf(values: string[]): { agentId: bigint; credential: Credential } {
  if (values.length === 0) throw new Refusal(401, 'Unauthorized: there is no credential');
  if (values.length > 1) throw new Refusal(400, 'Bad request: there is more than one header Authorization');
  const [, kind, id, token] = /^bearer +(ci|pat):(\d{1,18}):([\x21-\x7e]+)$/i.exec(values[0]!) ?? [];
  if (kind === undefined || token!.length > MOST_TOKEN_CHARACTERS)
    throw new Refusal(
      401,
      'Unauthorized: the credential is neither ci:AGENT_ID:JOB_TOKEN nor pat:AGENT_ID:TOKEN',
    );
  return {
    agentId: BigInt(id!),
    credential: { kind: kind.toLowerCase() as Credential['kind'], token: token! },
  };
}

/** Every header as it came, with its name in lower case: Node itself hides that some came twice. */
function headerPairs({ rawHeaders }: IncomingMessage): [string, string][] {
  const pairs: [string, string][] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2)
    pairs.push([rawHeaders[index]!.toLowerCase(), rawHeaders[index + 1]!]);
  return pairs;
}

function valuesOf(pairs: [string, string][], wanted: string): string[] {
  return pairs.filter(([name]) => name === wanted).map(([, value]) => value);
}

function withoutBearerProtocol([name, value]: [string, string]): [string, string][] {
  if (name !== 'sec-websocket-protocol') return [[name, value]];
  const kept = value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => !item.startsWith(BEARER_PROTOCOL));
  return kept.length === 0 ? [] : [[name, kept.join(', ')]];
}

function protocolOf(values: string[]): string {
  const protocol = values.join(', ').trim().toLowerCase();
  if (protocol === 'websocket') return protocol;
  if (protocol === 'spdy/3.1') return 'SPDY/3.1';
  throw new Refusal(400, 'Bad request: connections are upgraded to websocket and SPDY/3.1 only');
}

/** Node has seen to it that a length is one number, and that there is no encoding beside it. */
function lengthOf(pairs: [string, string][]): number | undefined {
  const encodings = valuesOf(pairs, 'transfer-encoding');
  // Where such a body ends, others may see otherwise.
  if (encodings.some((encoding) => encoding.toLowerCase() !== 'chunked') || encodings.length > 1)
    throw new Refusal(400, 'Bad request: bodies are encoded as chunked only');
  if (encodings.length > 0) return -1;
  const [length = '0'] = valuesOf(pairs, 'content-length');
  return Number(length) === 0 ? undefined : Number(length);
}

/** There are programs that take one for the other: to CGI, both are the same. */
function hyphened(name: string): string {
  return name.replaceAll('_', '-');
}
