import { join } from 'node:path';
import { openRevision } from '../../core/git/repository.ts';
import { connect } from '../../core/kube/cluster.ts';
import { loadConnection } from '../../core/kube/load-connection.ts';
import {
  type ReadInputs,
  type ReadOptions,
  type ReadResult,
  readManifests,
} from '../../core/manifest/read.ts';
import type { Manifest } from '../../core/model/manifest.ts';
import { diffExitCode, type Plan, summarize } from '../../core/model/plan.ts';
import { ProblemError } from '../../core/model/problem.ts';
import { planSet } from '../../core/plan/plan.ts';
import { SecretGate, scrub } from '../../core/plan/secret-gate.ts';
import { parseSecretPath } from '../../core/plan/secret-path.ts';
import { oneLine } from '../../core/report/escape.ts';
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
      ? await compareRevisions(range, gate, (revision, allowAbsent) =>
          read(flags, io, progress, { revision, allowAbsent }),
        )
      : await planAgainstCluster(flags, io, gate, progress);
  } finally {
    progress.end();
  }
  io.out(render(flags.output, plan.changes, { color: wantsColor(io, flags.color), width: io.columns }));
  return diffExitCode(summarize(plan.changes));
}

async function planAgainstCluster(
  flags: DiffFlags,
  io: Io,
  gate: SecretGate,
  progress: Progress,
): Promise<Plan> {
  const ignore = await readIgnoreFile(flags.ignoreFile, io.cwd);
  const connection = loadConnection(flags, { env: io.env, homedir: io.homedir });
  const cluster = connect(connection, {
    version: io.version,
    signal: io.signal,
    cacheDir: io.env.KUBECACHEDIR || join(io.homedir, '.kube', 'cache'),
    ...(flags.v >= 6 && {
      log: (level: number, line: string) => (level <= flags.v ? progress.say(line) : undefined),
    }),
  });
  let manifests: Manifest[] = [];
  try {
    // The server answers while the files are read; whether it answers at all is asked again by the plan.
    cluster.discover().catch(() => undefined);
    progress.update('reading manifests …');
    const { revision, namespace } = { revision: flags.rev, namespace: connection.namespace };
    const input = await read(flags, io, progress, { revision, allowAbsent: false, namespace });
    manifests = input.manifests;
    if (manifests.length === 0) throw nothingToCompare(flags);
    progress.update(`asking ${connection.server} what it serves …`);
    return await planSet(cluster, manifests, {
      namespace,
      enforceNamespace: connection.namespaceExplicit,
      full: flags.full,
      ignore,
      gate,
      locate: input.locate,
      onProgress: (done, total) => progress.update(`comparing: ${done} of ${total} objects …`),
    });
  } finally {
    // Admission plugins and webhooks word warnings as they like, about any object that they were shown.
    const values =
      cluster.warnings.length > 0 ? manifests.flatMap(({ id, object }) => gate.values(id, object)) : [];
    for (const warning of cluster.warnings) progress.say(`warning: ${oneLine(scrub(warning, values))}`);
    cluster.close();
  }
}

/** An empty input is rather a mistake before us (a failed `helm template | …`) than a wish for nothing. */
function nothingToCompare({ filename = [], kustomize }: DiffFlags): ProblemError {
  const names = kustomize ?? filename.map((name) => (name === '-' ? 'standard input' : name)).join(', ');
  const hint = filename.includes('-') ? 'did the command before the pipe fail?' : undefined;
  return new ProblemError({
    code: 'NoObjects',
    message: `there are no objects in ${names}`,
    ...(hint && { hint }),
  });
}

/** Reads the inputs of the command at one revision, or in the work tree. Throws all problems at once. */
async function read(
  flags: DiffFlags,
  io: Io,
  progress: Progress,
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
  for (const notice of result.notices) progress.say(`notice: ${oneLine(notice)}`);
  if (result.problems.length > 0) throw new ProblemError(...result.problems);
  return result;
}
