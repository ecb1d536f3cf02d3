import { judgeHealth } from '../../core/health/judge.ts';
import { readLiveObjects } from '../../core/manifest/live.ts';
import { workTree } from '../../core/manifest/work-tree.ts';
import { type KubeObject, type ObjectId, parseApiVersion } from '../../core/model/object.ts';
import { type Problem, ProblemError } from '../../core/model/problem.ts';
import { healthExitCode, type JudgedObject, renderHealth } from '../../core/report/health-report.ts';
import type { HealthCommandFlags } from '../commands/health.ts';
import { type Io, wantsColor } from '../io.ts';

/** Of one file. Live objects of a whole cluster come in one, and the longest string of Node is about as long. */
const MAX_BYTES = 512 * 1024 * 1024;

/** Runs `health` and returns its exit code. Throws ProblemError for what cannot be read. */
export async function runHealth(flags: HealthCommandFlags, io: Io): Promise<number> {
  const files = flags.filename ?? [];
  if (files.length === 0) {
    throw new ProblemError({
      code: 'Usage',
      message: 'say what to judge: -f is missing',
      hint: 'kubectl get all -o yaml | kubectl gitlab-agent health -f -',
    });
  }
  const objects = await readAll([...new Set(files)], io);
  const options = { now: new Date() };
  const judged = objects.map(
    (object): JudgedObject => ({ id: idOf(object), health: judgeHealth(object, options) }),
  );
  io.out(renderHealth(flags.output, judged, { color: wantsColor(io, flags.color), width: io.columns }));
  return healthExitCode(judged);
}

/** The objects of all files, in their order; throws every problem of every file at once. */
async function readAll(files: readonly string[], io: Io): Promise<KubeObject[]> {
  const tree = workTree(io.cwd);
  const objects: KubeObject[] = [];
  const problems: Problem[] = [];
  for (const file of files) {
    try {
      const bytes = file === '-' ? await io.stdin() : await tree.read(file, MAX_BYTES);
      if (bytes.length > MAX_BYTES)
        throw new ProblemError({ code: 'TooLarge', message: 'has more than 512 MiB', file });
      if (isBlank(bytes)) throw new ProblemError(empty(file));
      const read = readLiveObjects(bytes, file);
      for (const object of read.objects) objects.push(object);
      problems.push(...read.problems);
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (problems.length > 0) throw new ProblemError(...problems);
  return objects;
}

function isBlank(bytes: Buffer): boolean {
  return bytes.length < 1000 && bytes.toString().trim() === '';
}

/** A `kubectl get` that failed prints nothing on stdout, and that must not pass for health. */
function empty(file: string): Problem {
  return {
    code: 'Empty',
    message: file === '-' ? 'standard input is empty' : 'the file is empty',
    file,
    hint: 'an empty List would be fine; did the command that wrote this fail?',
  };
}

function idOf(object: KubeObject): ObjectId {
  const { name, namespace } = object.metadata;
  return {
    ...parseApiVersion(object.apiVersion),
    kind: object.kind,
    ...(typeof namespace === 'string' && namespace !== '' ? { namespace } : {}),
    name: typeof name === 'string' ? name : '',
  };
}
