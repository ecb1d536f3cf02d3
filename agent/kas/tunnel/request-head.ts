import { validateHeaderName, validateHeaderValue } from 'node:http';
import { anyIs, anyUnpack } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import type { HttpRequest_Header } from '../../../core/grpc/generated/http_pb.ts';
import { HeaderExtraSchema } from '../../../core/grpc/generated/kubernetes_api_pb.ts';
import { pairsOf, type ValuesMap } from '../../../core/grpc/values.ts';
import type { Impersonation } from '../../../core/kube/connection.ts';
import { isOfConnection } from './connection-headers.ts';

/** What is asked of the API server. */
export interface RequestHead {
  method: string;
  /** Without its query, for logs. */
  path: string;
  /** Encoded, with its query. */
  target: string;
  headers: Record<string, string[]>;
  /** Undefined where nobody knows. */
  contentLength: number | undefined;
  /** To what the connection is to be upgraded. */
  upgrade?: string;
  impersonate?: Impersonation;
}

/** Of path, query and headers together, in characters. */
const MOST_CHARACTERS = 64 * 1024;

// Who asks is said by our own credentials and by what the server says beside the request.
const DROPPED = new Set(['authorization', 'cookie', 'host', 'content-length', 'expect', 'forwarded']);
const DROPPED_PREFIXES = ['proxy-', 'x-remote-', 'x-forwarded-'];
/** A credential as browsers send it with a WebSocket. */
const BEARER_PROTOCOL = /^base64url\.bearer\.authorization\.k8s\.io\./i;

/** What a server asks, as it goes to the API server. Throws ConnectError for what nobody asks who means well. */
export function readRequestHead({ request, extra, contentLength }: HttpRequest_Header): RequestHead {
  if (!request) throw invalid('there is no request in it');
  const { method, urlPath, header, query } = request;
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,40}$/.test(method) || /^(?:connect|trace)$/i.test(method))
    throw invalid('the method is none');
  if (sizeOf(urlPath, header, query) > MOST_CHARACTERS)
    throw invalid(`path, query and headers are longer than ${MOST_CHARACTERS} characters`);
  if (contentLength !== undefined && contentLength < -1n) throw invalid('the length of the body is negative');
  const search = new URLSearchParams([...pairsOf(query)]).toString();
  const upgrade = upgradeOf(header);
  const impersonate = extra && impersonationOf(extra);
  return {
    method,
    path: urlPath,
    target: encodePath(urlPath) + (search && `?${search}`),
    headers: headersOf(header, upgrade),
    contentLength: contentLength === undefined || contentLength < 0n ? undefined : Number(contentLength),
    ...(upgrade !== undefined && { upgrade }),
    ...(impersonate && { impersonate }),
  };
}

function invalid(why: string): ConnectError {
  return new ConnectError(`the request is refused: ${why}`, Code.InvalidArgument);
}

function sizeOf(path: string, ...maps: ValuesMap[]): number {
  let size = path.length;
  for (const map of maps) for (const [name, value] of pairsOf(map)) size += name.length + value.length;
  return size;
}

/** The path comes decoded. One that could be read as another on its way is none of Kubernetes'. */
function encodePath(path: string): string {
  if (!path.startsWith('/') || path.startsWith('//')) throw invalid('the path does not begin with one slash');
  if (/[\x00-\x1f\x7f\\]|%(?:2f|5c)/i.test(path))
    throw invalid('the path has an encoded slash, a backslash or control characters');
  for (const segment of path.split('/'))
    if (/^\.{1,2}$/.test(segment.replaceAll(/%2e/gi, '.')))
      throw invalid('the path has a segment "." or ".."');
  return encodeURI(path).replaceAll('?', '%3F').replaceAll('#', '%23');
}

/** Those that Kubernetes knows. With HTTP/2 in it, requests would follow that nobody has looked at. */
const PROTOCOLS = ['websocket', 'SPDY/3.1'];

function upgradeOf(header: ValuesMap): string | undefined {
  let wanted: string | undefined;
  let isUpgrade = false;
  for (const [name, value] of pairsOf(header)) {
    if (/^upgrade$/i.test(name)) wanted = value.trim().toLowerCase();
    if (/^connection$/i.test(name)) isUpgrade ||= /(?:^|,)\s*upgrade\s*(?:,|$)/i.test(value);
  }
  if (!isUpgrade || !wanted) return undefined;
  const protocol = PROTOCOLS.find((known) => known.toLowerCase() === wanted);
  if (protocol === undefined) throw invalid(`connections are upgraded to ${PROTOCOLS.join(' and ')} only`);
  return protocol;
}

function headersOf(header: ValuesMap, upgrade: string | undefined): Record<string, string[]> {
  const headers: Record<string, string[]> = Object.create(null);
  const isOfThis = isOfConnection(pairsOf(header));
  for (const [given, value] of pairsOf(header)) {
    const name = given.toLowerCase();
    if (name.startsWith('impersonate-'))
      throw invalid(`the header ${given.slice(0, 80)} is not for people to set`);
    if (isOfThis(name) || DROPPED.has(name) || DROPPED_PREFIXES.some((start) => name.startsWith(start)))
      continue;
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    } catch {
      throw invalid('there is a header that is none');
    }
    const kept = name === 'sec-websocket-protocol' ? withoutBearer(value) : value;
    if (kept === '' && value !== '') continue;
    headers[name] ??= [];
    headers[name].push(kept);
  }
  if (upgrade !== undefined) {
    headers.connection = ['Upgrade'];
    headers.upgrade = [upgrade];
  }
  return headers;
}

function withoutBearer(protocols: string): string {
  return protocols
    .split(',')
    .map((protocol) => protocol.trim())
    .filter((protocol) => !BEARER_PROTOCOL.test(protocol))
    .join(', ');
}

/** What can't be read is no reason to ask as ourselves. */
function impersonationOf(extra: NonNullable<HttpRequest_Header['extra']>): Impersonation | undefined {
  if (!anyIs(extra, HeaderExtraSchema)) throw invalid('it says more than this agent understands');
  const config = unpack(extra).impConfig;
  if (!config) return undefined;
  const { username, uid, groups } = config;
  if (username === '') throw invalid('it is to be made as somebody without a name');
  const values = [username, uid, ...groups, ...config.extra.flatMap(({ key, val }) => [key, ...val])];
  // Names may have any letters, which are sent as UTF-8.
  if (values.some((value) => /[\x00-\x1f\x7f]/.test(value)) || config.extra.some(({ key }) => key === ''))
    throw invalid('it is to be made as somebody whose name no header can hold');
  if (values.reduce((sum, value) => sum + value.length, 0) > MOST_CHARACTERS)
    throw invalid('it is to be made as somebody with too many groups');
  return {
    user: username,
    ...(uid && { uid }),
    groups,
    extra: Object.fromEntries(config.extra.map(({ key, val }) => [key, val])),
  };
}

function unpack(extra: NonNullable<HttpRequest_Header['extra']>) {
  try {
    const unpacked = anyUnpack(extra, HeaderExtraSchema);
    if (unpacked) return unpacked;
  } catch {
    // Told below.
  }
  throw invalid('what it says beside the request is no message');
}
