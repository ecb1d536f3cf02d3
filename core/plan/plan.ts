import type { Cluster, Discovery } from '../model/cluster.ts';
import type { IgnoreRule } from '../model/ignore.ts';
import type { Manifest } from '../model/manifest.ts';
import { formatApiVersion } from '../model/object.ts';
import { type Path, parsePath } from '../model/path.ts';
import type { Change, Plan, Verdict } from '../model/plan.ts';
import { liveSchemas } from './crd.ts';
import { type Bench, judge } from './judge.ts';
import { type Live, readLive } from './live.ts';
import { Autoscalers, Namespaces } from './namespaces.ts';
import { type Scoped, type ScopeOptions, scopeManifests } from './scope.ts';
import type { SecretGate } from './secret-gate.ts';
import { skipped } from './skip.ts';

export interface PlanOptions extends ScopeOptions {
  /** Ask the server about every object, proven unchanged or not. */
  full?: boolean;
  ignore?: readonly IgnoreRule[];
  gate: SecretGate;
  /** Where a field of a manifest stands in its file: refusals of a field are reported there. */
  locate?: (manifest: Manifest, path: Path) => { line: number } | undefined;
  /** Called as objects are judged. */
  onProgress?: (done: number, total: number) => void;
}

/**
 * Computes what every object of the set needs. Objects are judged side by side as their live state comes in; the
 * plan keeps the order of the manifests. An object that can't be judged is `unknown` and hides no other. Throws
 * ProblemError for contradictions in the set, and where the API server can't be reached at all.
 */
export async function planSet(
  cluster: Cluster,
  manifests: readonly Manifest[],
  options: PlanOptions,
): Promise<Plan> {
  const discovery = await cluster.discover();
  const scoped = scopeManifests(manifests, discovery, options);
  const bench = benchOf(cluster, discovery, scoped, options);
  const changes = new Map<Scoped, Change>();
  const running: Promise<void>[] = [];
  const conclude = (item: Scoped, verdict: Verdict): void => {
    const { file } = item.manifest.source;
    changes.set(item, {
      id: item.id,
      ...verdict,
      source: { file, line: lineOf(item.manifest, verdict, options) },
    });
    options.onProgress?.(changes.size, scoped.length);
  };
  const run = (judging: Promise<Verdict>, item: Scoped): void => {
    const done = judging.then((verdict) => conclude(item, verdict));
    // Waited for once everything is read: until then a rejection (Ctrl-C) must not count as unhandled.
    done.catch(() => undefined);
    running.push(done);
  };
  const start = (item: Scoped, live: Live): void => {
    run(judge(bench, item, live), item);
  };

  const readable: Scoped[] = [];
  for (const item of scoped) {
    const skip = skipped(item.manifest.object);
    if (skip) conclude(item, skip);
    else if (item.cause) conclude(item, { action: 'unknown', ...item.cause });
    else if (item.resource) readable.push(item);
    else run(judgeUnserved(bench, discovery, item), item);
  }
  await readLive(cluster, readable, start);
  await Promise.all(running);
  return { changes: scoped.map((item) => changes.get(item)!) };
}

/** A version that only the set's CRD serves: a live object of another version can't be compared with it. */
async function judgeUnserved(bench: Bench, discovery: Discovery, item: Scoped): Promise<Verdict> {
  const other = discovery.resources.find(
    ({ group, kind }) => group === item.id.group && kind === item.id.kind,
  );
  if (other) {
    const answer = await bench.cluster.get({
      resource: other,
      namespace: item.id.namespace,
      name: item.id.name,
    });
    if (!answer.ok && answer.failure.status !== 404) return judge(bench, item, { failure: answer.failure });
    if (answer.ok) {
      const message = `${formatApiVersion(item.id)} comes with the CRD in this set; the live object is ${formatApiVersion(other)}`;
      return { action: 'unknown', reason: 'VersionNotServed', message };
    }
  }
  return judge(bench, item, { absent: true });
}

function benchOf(
  cluster: Cluster,
  discovery: Discovery,
  scoped: readonly Scoped[],
  options: PlanOptions,
): Bench {
  const names = new Set(scoped.map(({ id }) => `${id.kind}/${id.name}`));
  return {
    cluster,
    gate: options.gate,
    ignore: options.ignore ?? [],
    full: options.full ?? false,
    namespaces: new Namespaces(cluster, discovery, scoped),
    autoscalers: new Autoscalers(cluster, discovery, scoped),
    servedVersions: new Set(discovery.resources.map(formatApiVersion)),
    liveSchema: liveSchemas(cluster, discovery),
    inSet: (kind, name) => names.has(`${kind}/${name}`),
  };
}

/** The line of the field that the server refused, where its answer names one; else the line of the object. */
function lineOf(manifest: Manifest, { reason, message }: Verdict, { locate }: PlanOptions): number {
  const { line } = manifest.source;
  const field = reason === 'Invalid' ? /^([^\s:]+): /.exec(message ?? '')?.[1] : undefined;
  if (!field || !locate) return line;
  // The API server writes map keys in brackets without quotes: `data[tls.key]`.
  const quoted = field.replace(/\[([^\]"=]*[^\]"=\d][^\]"=]*)\]/g, '["$1"]');
  try {
    return locate(manifest, parsePath(quoted))?.line ?? line;
  } catch {
    // Not every answer begins with a path that can be read.
    return line;
  }
}
