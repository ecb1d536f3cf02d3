import type { Answer, Cluster, LogEvent, PodName, Resource } from '../model/cluster.ts';
import { connectionFailure } from './connection-failure.ts';
import { objectPath } from './paths.ts';
import { cutLines } from './stream.ts';
import type { Transport } from './transport.ts';

const PODS: Resource = { group: '', version: 'v1', kind: 'Pod', plural: 'pods', namespaced: true, verbs: [] };

/** A line may be as long as the container likes. */
const LOG_BYTES = 64 * 1024;

/** See `Cluster.logs`. */
export async function lastLines(
  transport: Transport,
  pod: PodName,
  { container, tailLines, previous }: Parameters<Cluster['logs']>[1],
): Promise<Answer<string>> {
  const path = logPath(pod, { container, tailLines, limitBytes: LOG_BYTES, previous });
  // The answer is the kubelet's, and as slow as that is.
  const sent = await transport.send({ method: 'GET', path, repeatable: true, heavy: true, text: true });
  return sent.ok ? { ok: true, value: String(sent.body ?? '') } : { ok: false, failure: sent.failure };
}

/** See `Cluster.readLog`. */
export async function* readLog(
  transport: Transport,
  pod: PodName,
  { signal, ...selection }: Parameters<Cluster['readLog']>[1],
): AsyncGenerator<LogEvent> {
  const path = logPath(pod, { ...selection, timestamps: true });
  const { follow = false } = selection;
  // The API server says nothing at all before the first line is there.
  const opened = await transport.open({ method: 'GET', path, repeatable: true, patient: follow }, signal);
  if (!opened.ok) {
    yield { type: 'ERROR', failure: opened.failure };
    return;
  }
  const { chunks, end } = opened;
  try {
    for await (const { text, isWhole } of cutLines(chunks)) yield { type: 'LINE', ...stamped(text), isWhole };
  } catch (error) {
    signal.throwIfAborted();
    transport.ended.throwIfAborted();
    yield { type: 'ERROR', failure: connectionFailure(error, transport.server) };
  } finally {
    end();
  }
}

function logPath(pod: PodName, selection: Readonly<Record<string, unknown>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(selection))
    if (value !== undefined && value !== false) query.set(name, String(value));
  return `${objectPath({ resource: PODS, ...pod })}/log?${query}`;
}

const STAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)(?: |$)/;

/** Takes the kubelet's time from a line: with as many digits as the runtime likes, in whichever zone the node is. */
function stamped(line: string): { at: string; text: string } {
  const [stamp, second, fraction = '', zone] = STAMP.exec(line) ?? [];
  const time = Date.parse(`${second}${zone}`);
  if (stamp === undefined || Number.isNaN(time)) return { at: '', text: line };
  const utc = new Date(time).toISOString().slice(0, 19);
  return { at: `${utc}.${fraction.padEnd(9, '0')}Z`, text: line.slice(stamp.length) };
}
