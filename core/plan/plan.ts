import type { Cluster, Discovery, Resource } from '../model/cluster.ts';
import type { IgnoreRule } from '../model/ignore.ts';
import type { Manifest } from '../model/manifest.ts';
import { formatApiVersion, type KubeObject } from '../model/object.ts';
import { type Path, parsePath } from '../model/path.ts';
import type { Change, ConflictPolicy, Plan, Verdict } from '../model/plan.ts';
import type { Bench } from './bench.ts';
import { liveSchemas } from './crd.ts';
import { type Judged, judge } from './judge.ts';
import type { ListAhead } from './list-ahead.ts';
import { type Live, liveOf, readLive } from './live.ts';
import { Mutators } from './mutators.ts';
import { Autoscalers, Namespaces } from './namespaces.ts';
import { type Scoped, type ScopeOptions, scopeManifests } from './scope.ts';
import type { SecretGate } from './secret-gate.ts';
import { skipped } from './skip.ts';

export interface PlanOptions extends ScopeOptions {
  /** Ask the server about every object, proven unchanged or not. */
  full?: boolean;
  /** Ask it only about what the live object does not tell: for plans that are carried out at once. */
  economy?: boolean;
  /** `take` where not said. */
  conflicts?: ConflictPolicy;
  /** Managers whose fields the objects take over, so that those go that are not wanted any more. */
  takeOver?: ReadonlySet<string>;
  /** The ID of the apply set whose members the objects become; without it they keep the label that they have. */
  partOf?: string;
  ignore?: readonly IgnoreRule[];
  gate: SecretGate;
  /** Where a field of a manifest stands in its file: refusals of a field are reported there. */
  locate?: (manifest: Manifest, path: Path) => { line: number } | undefined;
  /** Keep nothing for carrying it out: live objects, 10,000 of them, are let go as soon as they are judged. */
  onlyChanges?: boolean;
  /** LISTs that were begun while the manifests were read. */
  ahead?: ListAhead;
  /** Called as objects are judged. */
  onProgress?: (done: number, total: number) => void;
}

/** One object of a plan, with all that carrying it out takes. */
export interface Step {
  manifest: Manifest;
  change: Change;
  /** Absent where the kind is not served (yet: it may come with a CRD of the set). */
  resource?: Resource;
  /** What an apply sends; absent where nothing may be sent. */
  send?: KubeObject;
  /** As it was read; absent where it does not exist. Holds real values: never print it. */
  live?: KubeObject;
}

/** A plan that can be carried out, in the order of the manifests. */
export interface Steps {
  steps: Step[];
  /** Every `group/version` that was served when the plan was made. */
  servedVersions: ReadonlySet<string>;
  /** Reads the object again and asks the server what it says to it: for a write that was refused. */
  judgeAgain(step: Step): Promise<Step>;
}

/** Computes what every object of the set needs, to be shown: the changes of `planObjects`. */
export async function planSet(
  cluster: Cluster,
  manifests: readonly Manifest[],
  options: PlanOptions,
): Promise<Plan> {
  const { steps } = await planObjects(cluster, manifests, { ...options, onlyChanges: true });
  return { changes: steps.map(({ change }) => change) };
}

/**
 * Computes what every object of the set needs. Objects are judged side by side as their live state comes in; the
 * plan keeps the order of the manifests. An object that can't be judged is `unknown` and hides no other. Throws
 * ProblemError for contradictions in the set, and where the API server can't be reached at all.
 */
export async function planObjects(
  cluster: Cluster,
  manifests: readonly Manifest[],
  options: PlanOptions,
): Promise<Steps> {
  let discovery = await cluster.discover();
  let scoped = scopeManifests(manifests, discovery, options);
  if (scoped.some(({ cause }) => cause)) {
    // The connection may have asked long ago, and the CRD have come since.
    discovery = await cluster.discover({ refresh: true });
    scoped = scopeManifests(manifests, discovery, options);
  }
  options.onProgress?.(0, scoped.length);
  const bench = benchOf(cluster, discovery, scoped, options);
  const judged = new Map<Scoped, Step>();
  const running: Promise<void>[] = [];
  const conclude = (item: Scoped, outcome: Judged): void => {
    judged.set(item, stepOf(item, outcome, options));
    options.onProgress?.(judged.size, scoped.length);
  };
  const run = (judging: Promise<Judged>, item: Scoped): void => {
    const done = judging.then((outcome) => conclude(item, outcome));
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
    if (skip) conclude(item, { verdict: skip });
    else if (item.cause) conclude(item, { verdict: { action: 'unknown', ...item.cause } });
    else if (item.resource) readable.push(item);
    else run(judgeUnserved(bench, discovery, item), item);
  }
  await readLive(cluster, readable, start, options.ahead);
  await Promise.all(running);
  const items = new Map(scoped.map((item) => [item.manifest, item]));
  return {
    steps: scoped.map((item) => judged.get(item)!),
    servedVersions: bench.servedVersions,
    judgeAgain: async ({ manifest, resource }) => {
      const item = items.get(manifest)!;
      const { namespace, name } = item.id;
      const live = liveOf(await cluster.get({ resource: resource!, namespace, name }));
      return stepOf(item, await judge({ ...bench, economy: false }, { ...item, resource }, live), options);
    },
  };
}

function stepOf(item: Scoped, { verdict, ...rest }: Judged, options: PlanOptions): Step {
  const { manifest, resource } = item;
  const source = { file: manifest.source.file, line: lineOf(manifest, verdict, options) };
  const change = { id: item.id, ...verdict, source };
  return options.onlyChanges ? { manifest, change } : { manifest, change, resource, ...rest };
}

/** A version that only the set's CRD serves: a live object of another version can't be compared with it. */
async function judgeUnserved(bench: Bench, discovery: Discovery, item: Scoped): Promise<Judged> {
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
      return { verdict: { action: 'unknown', reason: 'VersionNotServed', message } };
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
  const names = new Set(scoped.map(({ id }) => `${id.kind}/${id.namespace ?? ''}/${id.name}`));
  return {
    cluster,
    gate: options.gate,
    ignore: options.ignore ?? [],
    full: options.full ?? false,
    economy: options.economy ?? false,
    conflicts: options.conflicts ?? 'take',
    partOf: options.partOf,
    takeOver: options.takeOver ?? new Set(),
    namespaces: new Namespaces(cluster, discovery, scoped),
    mutators: new Mutators(cluster, discovery),
    autoscalers: new Autoscalers(cluster, discovery, scoped),
    servedVersions: new Set(discovery.resources.map(formatApiVersion)),
    liveSchema: liveSchemas(cluster, discovery),
    inSet: (kind, name, namespace = '') => names.has(`${kind}/${namespace}/${name}`),
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
