import { randomUUID } from 'node:crypto';
import { statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { apiCall } from './api.ts';
import { accessOf, type Endpoint } from './endpoint.ts';
import { waitFor } from './wait.ts';

/** One request that the API server has answered. What is not part of the request is ''. */
export interface AuditEntry {
  /** get, list, watch, create, update, patch, delete, deletecollection; for other URLs the method in lower case. */
  verb: string;
  group: string;
  resource: string;
  subresource: string;
  namespace: string;
  name: string;
  /** From the URL: a DELETE that says it in its body looks like a real one. */
  dryRun: boolean;
  user: string;
  /** Whom the user acts as. */
  as: string;
  userAgent: string;
  code: number;
  /** The path with its query. */
  uri: string;
}

/** What entries must have: equal fields, or for texts a pattern that fits. */
export type AuditFilter = { [Key in keyof AuditEntry]?: AuditEntry[Key] | RegExp };

const MARKER = 'audit-marker';

/** The end of the log: an offset for `readAudit`, with everything before it out of the way. */
export async function auditOffset(endpoint: Endpoint): Promise<number> {
  // An entry may be half written just then: what is read from the middle of it is no entry.
  return (await readLines(endpoint, statSync(logOf(endpoint)).size)).next;
}

/**
 * The requests since an offset (in bytes), each once, in the order in which the server finished them; watches are
 * in from their start. All that was answered before the call is among them. `next` is the offset to go on from.
 */
export async function readAudit(
  endpoint: Endpoint,
  from: number,
): Promise<{ entries: AuditEntry[]; next: number }> {
  const { lines, next } = await readLines(endpoint, from);
  const entries = lines.map((line) => toEntry(JSON.parse(line))).filter((entry) => entry !== undefined);
  return { entries, next };
}

async function readLines(endpoint: Endpoint, from: number): Promise<{ lines: string[]; next: number }> {
  // The server writes an entry right after its answer: a request of ours that is in the log is the sign that those
  // before it are too.
  const marker = `${MARKER}=${randomUUID()}`;
  await apiCall(accessOf(endpoint), 'GET', `/version?${marker}`);
  const text = await waitFor(
    async () => {
      const read = await readFrom(logOf(endpoint), from);
      return read.includes(marker) && read;
    },
    { what: 'the audit log to have all requests' },
  );
  // The last line may be half written.
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  const lines = whole.split('\n').filter((line) => line !== '');
  return { lines, next: from + Buffer.byteLength(whole) };
}

/** Runs something and returns the requests that the server answered meanwhile, those of other tests among them. */
export async function recordRequests(endpoint: Endpoint, run: () => Promise<unknown>): Promise<AuditEntry[]> {
  const from = await auditOffset(endpoint);
  await run();
  return (await readAudit(endpoint, from)).entries;
}

/** How many entries fit: `countRequests(entries, { verb: 'patch', namespace, dryRun: true })`. */
export function countRequests(entries: readonly AuditEntry[], filter: AuditFilter): number {
  return entries.filter((entry) => fits(entry, filter)).length;
}

/** Whether an entry has all that the filter says. */
export function fits(entry: AuditEntry, filter: AuditFilter): boolean {
  return Object.entries(filter).every(([key, wanted]) => {
    const value = entry[key as keyof AuditEntry];
    return wanted instanceof RegExp ? wanted.test(String(value)) : value === wanted;
  });
}

function logOf(endpoint: Endpoint): string {
  if (!endpoint.auditLog) throw new Error('this control plane was started without auditLog: true');
  return endpoint.auditLog;
}

async function readFrom(path: string, from: number): Promise<string> {
  const file = await open(path);
  try {
    const buffer = Buffer.alloc(Math.max(0, (await file.stat()).size - from));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, from);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

/** The parts of an `audit.k8s.io/v1` Event that we read. */
interface AuditEvent {
  stage: string;
  requestURI: string;
  verb: string;
  user?: { username?: string };
  impersonatedUser?: { username?: string };
  userAgent?: string;
  objectRef?: {
    apiGroup?: string;
    resource?: string;
    subresource?: string;
    namespace?: string;
    name?: string;
  };
  responseStatus?: { code?: number };
}

function toEntry(event: AuditEvent): AuditEntry | undefined {
  // A watch has two events, its end may be minutes away: it counts when it starts.
  const counts =
    event.verb === 'watch' ? event.stage === 'ResponseStarted' : event.stage !== 'ResponseStarted';
  if (!counts || event.requestURI.includes(MARKER)) return undefined;
  const { objectRef = {} } = event;
  return {
    verb: event.verb,
    group: objectRef.apiGroup ?? '',
    resource: objectRef.resource ?? '',
    subresource: objectRef.subresource ?? '',
    namespace: objectRef.namespace ?? '',
    name: objectRef.name ?? '',
    dryRun: new URL(event.requestURI, 'https://server').searchParams.getAll('dryRun').includes('All'),
    user: event.user?.username ?? '',
    as: event.impersonatedUser?.username ?? '',
    userAgent: event.userAgent ?? '',
    code: event.responseStatus?.code ?? 0,
    uri: event.requestURI,
  };
}
