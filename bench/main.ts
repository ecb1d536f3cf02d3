/** `npm run bench`: measures the plugin against kubectl and the least that a client can do, and reading Git. */
import { parseArgs } from 'node:util';
import { formatProblem, ProblemError } from '../core/model/problem.ts';
import { benchAgent } from './agent.ts';
import { benchApply } from './apply.ts';
import { benchDiff } from './diff.ts';
import { benchGit } from './git.ts';
import { benchJob } from './job.ts';
import { benchServer } from './server.ts';
import { benchStart } from './start.ts';
import { benchStatus } from './status.ts';
import { benchTunnel } from './tunnel.ts';

const USAGE = `usage: npm run bench -- diff|apply|job [--objects N] [--changed P] [--quick | --ours] [--seed N]
  --objects N  objects in the set, 1000 where not said, 20000 at most
  --changed P  how many of them differ: a count (50) or a share (5%); 50 where not said
  --quick      without plain kubectl diff, or kubectl apply with its apply sets: minutes for 1,000 objects
  --ours       without kubectl: our own times and the floor only
  --seed N     other objects; 1 where not said
       npm run bench -- git
       npm run bench -- start
       npm run bench -- agent [--polls N]
  --polls N    of each repository by an idle agent, 400 where not said; a day has 4320
       npm run bench -- status [--seconds N]
  --seconds N  that each form of status -w is looked at, 30 where not said, twice
       npm run bench -- server [--agents N] [--quick]
  --agents N   that are connected to one agent server, 1000 where not said
  --quick      with cleartext gRPC and a registry only
       npm run bench -- tunnel
`;

// One Service in seven has an address of 4,096: the cluster would run out of them.
const MAX_OBJECTS = 20_000;

const interrupted = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => interrupted.abort());

class UsageError extends Error {}

function count(text: string, flag: string, most: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > most) throw new UsageError(`${flag} takes 0 to ${most}, not ${text}`);
  return value;
}

/** A count, or a share of the objects in percent. */
function changedCount(text: string, objects: number): number {
  const percent = /^(\d+(?:\.\d+)?)%$/.exec(text);
  if (!percent) return count(text, '--changed', objects);
  if (Number(percent[1]) > 100) throw new UsageError(`--changed takes at most 100%, not ${text}`);
  return Math.round((objects * Number(percent[1])) / 100);
}

async function main(): Promise<void> {
  const { values, positionals } = parse();
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const say = (text: string): void => void process.stderr.write(`bench: ${text}\n`);
  const [what, ...more] = positionals;
  if (more.length === 0 && what === 'git') return await benchGit({ signal: interrupted.signal, say });
  if (more.length === 0 && what === 'start') return await benchStart({ signal: interrupted.signal, say });
  if (more.length === 0 && what === 'tunnel') return await benchTunnel({ signal: interrupted.signal, say });
  if (more.length === 0 && what === 'agent')
    return await benchAgent({
      polls: count(values.polls, '--polls', 1_000_000),
      signal: interrupted.signal,
      say,
    });
  if (more.length === 0 && what === 'status')
    return await benchStatus({
      seconds: count(values.seconds, '--seconds', 3600),
      signal: interrupted.signal,
      say,
    });
  if (more.length === 0 && what === 'server')
    return await benchServer({
      agents: count(values.agents, '--agents', 5_000),
      quick: values.quick === true,
      signal: interrupted.signal,
      say,
    });
  const bench = { diff: benchDiff, apply: benchApply, job: benchJob }[what ?? ''];
  if (more.length > 0 || !bench) {
    throw new UsageError(
      `say what to measure: diff, apply, job, git, start, agent, status, server or tunnel${positionals.length ? `, not ${positionals.join(' ')}` : ''}`,
    );
  }
  const objects = count(values.objects, '--objects', MAX_OBJECTS);
  if (objects === 0) throw new UsageError('--objects takes at least 1');
  await bench({
    objects,
    changed: changedCount(values.changed, objects),
    seed: count(values.seed, '--seed', 2 ** 31),
    kubectl: values.ours ? 'none' : values.quick ? 'server-side' : 'all',
    signal: interrupted.signal,
    say,
  });
}

function parse() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        objects: { type: 'string', default: '1000' },
        changed: { type: 'string', default: '50' },
        seed: { type: 'string', default: '1' },
        polls: { type: 'string', default: '400' },
        agents: { type: 'string', default: '1000' },
        seconds: { type: 'string', default: '30' },
        quick: { type: 'boolean' },
        ours: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

try {
  await main();
} catch (error) {
  if (interrupted.signal.aborted) {
    process.stderr.write('\nended; nothing is left\n');
    process.exitCode = 130;
  } else {
    const text = error instanceof ProblemError ? error.problems.map(formatProblem).join('\n') : undefined;
    process.stderr.write(`${text ?? `error: ${error instanceof Error ? error.message : String(error)}`}\n`);
    if (error instanceof UsageError) process.stderr.write(USAGE);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}
