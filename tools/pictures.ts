/**
 * `npm run pictures`: runs the built programs against a real control plane, a GitLab and an agent, and writes what they
 * print to docs/pictures. With `--built` the programs in dist/ are taken as they are.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { formatProblem, ProblemError } from '../core/model/problem.ts';
import { findKubectl } from '../test/support/control-plane/binaries.ts';
import { startControlPlane } from '../test/support/control-plane/control-plane.ts';
import { accessOf } from '../test/support/control-plane/endpoint.ts';
import { exampleProjects } from '../test/support/gitlab/example-projects.ts';
import { startGitLab } from '../test/support/gitlab/gitlab.ts';
import { actAsKubelet } from './pictures/kubelet.ts';
import { type Picture, takePictures } from './pictures/story.ts';
import { terminalSvg } from './pictures/terminal-svg.ts';
import { readTerminalText } from './pictures/terminal-text.ts';
import { World } from './pictures/world.ts';

const ROOT = dirname(import.meta.dirname);
const PICTURES = join(ROOT, 'docs', 'pictures');
/** In no registry: the picture of a mistake. */
const MISSING = 'registry.example.com/shop/cart:2.1.0';

const execute = promisify(execFile);
const interrupted = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => interrupted.abort());

const say = (text: string): void => void process.stderr.write(`pictures: ${text}\n`);

async function main(): Promise<void> {
  const { signal } = interrupted;
  const { values } = parseArgs({ options: { built: { type: 'boolean', default: false } } });
  if (!values.built) {
    say('building the programs');
    await execute(process.execPath, [join(ROOT, 'tools', 'build.ts')], { signal });
  }
  const kubectl = await findKubectl({ signal });
  const directory = mkdtempSync(join(tmpdir(), 'gitlab-agent-pictures-'));
  try {
    say('starting a control plane');
    // Without Nodes: nobody but `actAsKubelet` says what becomes of Pods.
    await using cluster = await startControlPlane({ nodes: 0, purpose: 'runs `npm run pictures`', signal });
    const done = new AbortController();
    const kubelet = actAsKubelet(accessOf(cluster), MISSING, AbortSignal.any([signal, done.signal]));
    const seen = see(directory, cluster.kubeconfig, kubectl).finally(() => done.abort());
    const [pictures] = await Promise.all([seen, kubelet]);
    write(pictures);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function see(directory: string, kubeconfig: string, kubectl: string): Promise<Picture[]> {
  say('starting a GitLab stand-in');
  await using gitlab = await startGitLab();
  const projects = await exampleProjects(gitlab);
  const env = environment(directory, kubeconfig);
  const clone = join(directory, 'shop');
  const url = Object.assign(new URL(projects.manifests.url), {
    username: 'ada',
    password: projects.person.value,
  });
  await execute('git', ['clone', '-q', url.href, clone], { env });
  const world = new World(clone, env, kubectl);
  say('looking');
  return await takePictures({ world, gitlab, projects, kubeconfig, missing: MISSING });
}

/** Nothing of the person who runs this is in a picture. */
function environment(directory: string, kubeconfig: string): NodeJS.ProcessEnv {
  return {
    PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
    HOME: directory,
    TMPDIR: directory,
    KUBECONFIG: kubeconfig,
    KUBERC: 'off',
    KUBECACHEDIR: join(directory, 'cache'),
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'Ada',
    GIT_AUTHOR_EMAIL: 'ada@example.com',
    GIT_COMMITTER_NAME: 'Ada',
    GIT_COMMITTER_EMAIL: 'ada@example.com',
  };
}

function write(pictures: readonly Picture[]): void {
  mkdirSync(PICTURES, { recursive: true });
  for (const { name, title, text } of pictures) {
    const svg = terminalSvg(readTerminalText(text), { title });
    writeFileSync(join(PICTURES, `${name}.svg`), svg);
    say(`docs/pictures/${name}.svg, ${(svg.length / 1024).toFixed(1)} KB`);
  }
}

try {
  await main();
} catch (error) {
  const text = error instanceof ProblemError ? error.problems.map(formatProblem).join('\n') : undefined;
  process.stderr.write(`${text ?? `error: ${error instanceof Error ? error.message : String(error)}`}\n`);
  process.exitCode = interrupted.signal.aborted ? 130 : 2;
}
