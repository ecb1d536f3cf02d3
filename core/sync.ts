import { createHash } from 'node:crypto';
import { type ApplyOptions, applyManifests } from './apply/apply.ts';
import { changesOf, planRun } from './apply/plan-run.ts';
import { PRECIOUS, type PruneAdvice } from './apply/prune-guards.ts';
import { type RecordOptions, recordPlan } from './apply/recorder.ts';
import { isExcluded } from './config/resource-filter.ts';
import { ENTRY_LIMITS, entryInputs } from './manifest/entry-inputs.ts';
import { type ReadResult, readManifests } from './manifest/read.ts';
import type { ManifestEntry } from './model/agent-config.ts';
import type { Allowance } from './model/allowance.ts';
import type { ApplyRecord, ApplySetId } from './model/apply.ts';
import type { Clock } from './model/clock.ts';
import type { Cluster, Propagation, Resource } from './model/cluster.ts';
import type { RevisionTree } from './model/file-tree.ts';
import { stringifyJson } from './model/json.ts';
import type { Manifest } from './model/manifest.ts';
import type { KubeObject, ObjectId } from './model/object.ts';
import type { Change } from './model/plan.ts';
import { type Problem, ProblemError } from './model/problem.ts';
import { ownFields, project } from './plan/field-set.ts';
import { SecretGate } from './plan/secret-gate.ts';

/** One revision of one entry, and how it is to be brought into the cluster. */
export interface SyncOptions {
  entry: ManifestEntry;
  set: ApplySetId;
  /** What the parent of the set tells of the pass. */
  record: RecordOptions;
  /** Opens the files of the revision; each tree is closed by whoever opened it. */
  open: () => Promise<RevisionTree>;
  /** Of this program. */
  version: string;
  /** Somebody's word that this revision may delete whatever it leaves out. */
  pruneAll: boolean;
  clock: Clock;
  /** Aborted when no further object may be begun: a newer revision is there. */
  stop: AbortSignal;
  /** Aborted when everything has to end at once. */
  signal: AbortSignal;
  /** PATH, for kustomize. */
  env: NodeJS.ProcessEnv;
  onNotice: (text: string) => void;
  onProgress?: () => void;
}

/** An object as the pass left it, to be watched. */
export interface SyncedObject {
  id: ObjectId;
  resource: Resource;
  resourceVersion: string;
  fingerprint: string;
}

/** What became of a pass: every object of it, or why there was nothing to carry out. */
export type SyncResult =
  | { ok: true; record: ApplyRecord; objects: SyncedObject[]; planned?: undefined }
  /** A dry run: nothing was written but what the parent of the set tells. */
  | { ok: true; planned: readonly Change[] }
  | { ok: false; problems: [Problem, ...Problem[]] };

const NOTHING_DELETED = 'nothing was deleted because of that';
const EVERYTHING: Allowance = { percent: 100 };
const PRECIOUS_KINDS = [...PRECIOUS].map((kind) => kind.toLowerCase());
const ONCE = 'or once: annotate the parent with agent.gitlab.com/prune-allow: COMMIT';
const ADVICE: PruneAdvice = {
  kind: (kind) => `prune_kinds: [${kind}] in the configuration, ${ONCE}`,
  count: (deletes) => `prune_limit: ${deletes} in the configuration if that is meant, ${ONCE}`,
};
const PROPAGATION: Record<ManifestEntry['prunePropagationPolicy'], Propagation> = {
  orphan: 'Orphan',
  background: 'Background',
  foreground: 'Foreground',
};

/**
 * One pass: the manifests of a revision are read, planned against the cluster, applied, what left the set is pruned,
 * and all that is recorded in the parent of the set. Rejects when `signal` ends, and with ProblemError where the
 * cluster can't be asked at all.
 */
export async function syncRevision(cluster: Cluster, options: SyncOptions): Promise<SyncResult> {
  const { clock, stop, onNotice, onProgress } = options;
  const read = await readEntry(options);
  if (!read.ok) return read;
  if (options.entry.dryRunStrategy !== 'none') return planOnly(cluster, read.manifests, options);
  const objects: SyncedObject[] = [];
  const record = await applyManifests(cluster, read.manifests, {
    ...applyOptions(options),
    locate: read.locate,
    clock,
    stop,
    onNotice,
    onOutcome: () => onProgress?.(),
    onSettled: (id, resource, live) => {
      const resourceVersion = String(live.metadata.resourceVersion);
      objects.push({ id, resource, resourceVersion, fingerprint: fingerprint(live) });
    },
  });
  return { ok: true, record, objects };
}

/** One revision of one entry, to be compared with the cluster. */
export type ComparisonOptions = Pick<
  SyncOptions,
  'entry' | 'set' | 'open' | 'version' | 'pruneAll' | 'signal' | 'env' | 'onNotice'
> & { gate: SecretGate; onProgress?: (done: number, total: number) => void };

/** What a pass would do with a revision. Nothing is written. Throws as `syncRevision`. */
export async function planRevision(
  cluster: Cluster,
  { gate, onProgress, ...options }: ComparisonOptions,
): Promise<{ ok: true; changes: Change[] } | { ok: false; problems: [Problem, ...Problem[]] }> {
  const read = await readEntry(options);
  if (!read.ok) return read;
  const run = await planRun(cluster, read.manifests, {
    ...applyOptions(options),
    gate,
    locate: read.locate,
    ...(onProgress && { onProgress }),
  });
  return { ok: true, changes: changesOf(run) };
}

async function planOnly(
  cluster: Cluster,
  manifests: readonly Manifest[],
  options: SyncOptions,
): Promise<SyncResult> {
  const { entry, set, record, version, clock, onNotice } = options;
  const now = (): string => new Date(clock.now()).toISOString();
  const startedAt = now();
  // Without the server's help it is only told what the manifests and the live objects tell.
  const economy = entry.dryRunStrategy === 'client';
  const run = await planRun(cluster, manifests, { ...applyOptions(options), economy });
  const planned = changesOf(run);
  const desk = { cluster, discovery: run.discovery, version, record, onNotice };
  await recordPlan(desk, set, planned, { startedAt, finishedAt: now() });
  return { ok: true, planned };
}

/** What the configuration of an entry means for the plan and for what is written. */
function applyOptions({
  entry,
  set,
  record,
  version,
  pruneAll,
}: Pick<SyncOptions, 'entry' | 'set' | 'version' | 'pruneAll'> & Partial<Pick<SyncOptions, 'record'>>): Omit<
  ApplyOptions,
  'clock' | 'stop'
> {
  const { inventoryPolicy } = entry;
  const allowance = pruneAll ? EVERYTHING : entry.pruneLimit;
  return {
    applySet: {
      set,
      prune: entry.prune,
      pruneKinds: new Set([...entry.pruneKinds, ...(pruneAll ? PRECIOUS_KINDS : [])]),
      isExcluded: (kind) => isExcluded(entry, kind),
      advice: ADVICE,
      propagation: PROPAGATION[entry.prunePropagationPolicy],
      version,
      ...(record && { record }),
      ...(allowance && { allowance }),
    },
    ...(inventoryPolicy === 'adopt_all' && { adopted: 'all' as const }),
    ...(inventoryPolicy === 'must_match' && { refuseUnowned: true }),
    namespace: entry.defaultNamespace,
    enforceNamespace: false,
    ignore: entry.ignore,
    conflicts: entry.conflicts,
    gate: new SecretGate(),
    replace: false,
    preflight: false,
  };
}

/** The manifests of an entry at one revision, or what is wrong with them. */
export async function readEntry(
  options: Pick<SyncOptions, 'entry' | 'open' | 'signal' | 'env' | 'onNotice'>,
): Promise<EntryRead> {
  // Opening a revision costs a process or two: it is done once, however many paths there are.
  const tree = await options.open();
  try {
    const shared: RevisionTree = {
      ...(tree.name !== undefined && { name: tree.name }),
      list: (path) => tree.list(path),
      real: (path) => tree.real(path),
      read: (path, maxBytes) => tree.read(path, maxBytes),
      checkOut: (path, use) => tree.checkOut(path, use),
      close: () => Promise.resolve(),
    };
    return await readFrom({ ...options, open: () => Promise.resolve(shared) });
  } finally {
    await tree.close();
  }
}

type EntryRead =
  | { ok: true; manifests: Manifest[]; locate: ReadResult['locate'] }
  | { ok: false; problems: [Problem, ...Problem[]] };

async function readFrom({
  entry,
  open,
  signal,
  env,
  onNotice,
}: Pick<SyncOptions, 'entry' | 'open' | 'signal' | 'env' | 'onNotice'>): Promise<EntryRead> {
  const inputs = await entryInputs(entry, open);
  const { manifests, problems, notices, locate } = await readManifests(
    { ...inputs, revision: 'the commit' },
    {
      cwd: '/',
      stdin: () => Promise.resolve(Buffer.alloc(0)),
      env,
      signal,
      openRevision: open,
      limits: ENTRY_LIMITS,
      defaultNamespace: entry.defaultNamespace,
    },
  );
  for (const notice of notices) onNotice(notice);
  const [first, ...more] = problems.map((problem) =>
    problem.code === 'NothingFound'
      ? { ...problem, hint: problem.hint ? `${NOTHING_DELETED}; ${problem.hint}` : NOTHING_DELETED }
      : problem,
  );
  if (first) return { ok: false, problems: [first, ...more] };
  if (manifests.length > 0) return { ok: true, manifests, locate };
  const message = `there are no objects in ${[...inputs.filenames, ...inputs.kustomizations].join(', ')}`;
  return { ok: false, problems: [{ code: 'NothingFound', message, hint: NOTHING_DELETED }] };
}

/**
 * A digest of all that an object has from us: which fields our apply owns, and their values. It changes when somebody
 * else takes, changes or removes one of them, and by nothing else.
 */
export function fingerprint(live: KubeObject): string {
  const own = ownFields(live);
  const text = stringifyJson([own, project(live, own) ?? null]);
  return createHash('sha256').update(text).digest('base64url');
}

/** The problems of an error that a person has to mend; any other is a mistake of ours and goes on. */
export function problemsOf(error: unknown): [Problem, ...Problem[]] {
  const [first, ...more] = error instanceof ProblemError ? error.problems : [];
  if (!first) throw error;
  return [first, ...more];
}
