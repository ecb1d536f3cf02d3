import { type Client, createClient, type Transport } from '@connectrpc/connect';
import { Gitops, Reading } from '../../core/grpc/generated/gitops_pb.ts';
import { refMessage } from '../../core/grpc/ref-message.ts';
import { DEFAULT_GLOB, DEFAULT_MANIFEST, type ManifestEntry } from '../../core/model/agent-config.ts';
import type { Attempt } from '../../core/model/source.ts';
import { type Batch, receiveBatch } from './batch.ts';
import { batchReader } from './batch-reader.ts';
import { PushedRevision, type PushedRevisionOptions } from './pushed-revision.ts';

export interface ObjectsOptions
  extends Pick<PushedRevisionOptions, 'address' | 'signal' | 'random' | 'log' | 'onEnd'> {
  transport: Transport;
  /** Full path, or number. */
  project: string;
  entry: Pick<ManifestEntry, 'ref' | 'paths' | 'kustomize'>;
  /** Whether the server is of this project. Others take globs only. */
  isOurs: boolean;
  /** For check-outs. */
  scratch: string;
}

/** How long a look may take, in ms: a server that does not know of looks just hangs. */
const LOOK = 10_000;
/** The one that is applied, and the one that came meanwhile. */
const KEPT = 2;

/** What one entry applies, as an agent server sends it: one batch for each commit, kept in memory. */
export function objectsRevision(options: ObjectsOptions): PushedRevision {
  const { transport, signal, isOurs, scratch } = options;
  const client: Client<typeof Gitops> = createClient(Gitops, transport);
  const batches: Batch[] = [];
  const known = (): string => batches.at(-1)?.commit ?? '';
  const find = (commit: string): Attempt<{ batch: Batch }> => {
    const batch = batches.findLast((candidate) => candidate.commit === commit);
    if (batch) return { ok: true, batch };
    const message = `commit ${commit.slice(0, 12)} is no longer at hand: a newer one was sent`;
    return { ok: false, failure: { code: 'Unavailable', message } };
  };
  const request = requestOf(options);
  const take = (batch: Batch | undefined, tell: (seen: { commit: string; ref?: string }) => void): void => {
    if (!batch) return;
    batches.push(batch);
    if (batches.length > KEPT) batches.shift();
    tell({ commit: batch.commit, ...(batch.ref !== undefined && { ref: batch.ref }) });
  };
  return new PushedRevision({
    ...options,
    reader: batchReader(find, scratch),
    stream: async (tell, ending) => {
      const call = client.getObjectsToSynchronize({ ...request, commitId: known() }, { signal: ending });
      take(await receiveBatch(call), tell);
    },
    look: async (tell) => {
      if (!isOurs) return;
      const limit = AbortSignal.any([signal, AbortSignal.timeout(LOOK)]);
      const asked = { ...request, commitId: known(), lookNow: true };
      take(await receiveBatch(client.getObjectsToSynchronize(asked, { signal: limit })), tell);
    },
  });
}

function requestOf({ project, entry: { ref, paths, kustomize }, isOurs }: ObjectsOptions) {
  const unsaid = isOurs ? [DEFAULT_MANIFEST, DEFAULT_GLOB] : [DEFAULT_GLOB];
  const wanted = kustomize ? ['**/*'] : paths.length > 0 ? paths : unsaid;
  return {
    projectId: project,
    paths: wanted.map((value) => ({ path: { case: 'glob' as const, value } })),
    ...(ref && { ref: { ref: refMessage(ref) } }),
    ...(isOurs && { reading: kustomize ? Reading.TREE : Reading.PATHS }),
  };
}
