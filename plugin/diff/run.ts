import { join } from 'node:path';
import { openRevision } from '../../core/git/repository.ts';
import { connect, type ConnectedCluster } from '../../core/kube/cluster.ts';
import { loadConnection } from '../../core/kube/load-connection.ts';
import { readManifests, type ReadInputs, type ReadOptions, type ReadResult } from '../../core/manifest/read.ts';
import { diffExitCode, type Plan, summarize } from '../../core/model/plan.ts';
import { ProblemError } from '../../core/model/problem.ts';
import { planSet } from '../../core/plan/plan.ts';
import { SecretGate } from '../../core/plan/secret-gate.ts';
import { parseSecretPath } from '../../core/plan/secret-path.ts';
import { render } from '../../core/report/render.ts';
import type { DiffFlags } from '../commands/diff.ts';
import { type Io, wantsColor } from '../io.ts';
import { Progress } from '../progress.ts';
import { checkInputs, readIgnoreFile } from './inputs.ts';
import { compareRevisions, splitRange } from './revisions.ts';

/** Runs `diff` and returns its exit code. Throws ProblemError for what a person has to mend. */
export async function runDiff(flags: DiffFlags, io: Io): Promise<number> {
  checkInputs(flags);
  const gate = new SecretGate((flags.secretPath ?? []).map(parseSecretPath));
  const range = splitRange(flags.rev);
  const progress = new Progress(io);
  let plan: Plan;
  try {
    plan = range
      ? await compareRevisions(range, gate, (revision, allowAbsent) => read(flags, io, { revision, allowAbsent }))
      : await planAgainstCluster(flags, io, gate, progress);
  } finally {
    progress.end();
  }
  io.out(render(flags.output, plan.changes, { color: wantsColor(io, flags.color), width: io.columns }));
  return diffExitCode(summarize(plan.changes));
}

async function planAgainstCluster(flags: DiffFlags, io: Io, gate: SecretGate, progress: Progress): Promise<Plan> {
  const ignore = readIgnoreFile(flags.ignoreFile, io.cwd);
  const connection = loadConnection(flags, { env: io.env, homedir: io.homedir });
  const cluster = connect(connection, {
    version: io.version,
    signal: io.signal,
    cacheDir: io.env.KUBECACHEDIR || join(io.homedir, '.kube', 'cache'),
    ...(flags.v >= 6 && { log: (level: number, line: string) => (level <= flags.v ? io.err(`${line}\n`) : undefined) }),
  });
  try {
    // The server answers while the files are read; whether it answers at all is asked again by the plan.
    cluster.discover().catch(() => undefined);
    progress.update('reading manifests …');
    const { manifests, locate } = await read(flags, io, { revision: flags.rev, allowAbsent: false, namespace: connection.namespace });
    return await planSet(cluster, manifests, {
      namespace: connection.namespace,
      enforceNamespace: connection.namespaceExplicit,
      full: flags.full,
      ignore,
      gate,
      locate,
      onProgress: (done, total) => progress.update(`comparing: ${done} of ${total} objects …`),
    });
  } finally {
    warn(cluster, io);
    cluster.close();
  }
}

function warn(cluster: ConnectedCluster, io: Io): void {
  for (const warning of cluster.warnings) io.err(`warning: ${warning}\n`);
}

/** Reads the inputs of the command at one revision, or in the work tree. Throws all problems at once. */
async function read(
  flags: DiffFlags,
  io: Io,
  at: { revision: string | undefined; allowAbsent: boolean; namespace?: string },
): Promise<ReadResult> {
  const inputs: ReadInputs = {
    filenames: flags.filename ?? [],
    recursive: flags.recursive,
    ...(flags.kustomize !== undefined && { kustomize: flags.kustomize }),
    ...(at.revision !== undefined && { revision: at.revision }),
  };
  const options: ReadOptions = {
    cwd: io.cwd,
    stdin: io.stdin,
    env: io.env,
    signal: io.signal,
    openRevision: openRevision({ cwd: io.cwd, env: io.env, signal: io.signal }),
    allowAbsent: at.allowAbsent,
    ...(at.namespace !== undefined && { defaultNamespace: at.namespace }),
  };
  const result = await readManifests(inputs, options);
  for (const notice of result.notices) io.err(`notice: ${notice}\n`);
  if (result.problems.length > 0) throw new ProblemError(...result.problems);
  return result;
}
