// The CI step: what it may touch of the process is here.
import { readFileSync } from 'node:fs';
import { setGlobalProxyFromEnv } from 'node:http';
import { enableCompileCache } from 'node:module';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import type { Host } from './host.ts';
import { githubJob, gitlabJob } from './job.ts';
import { runStep } from './run.ts';

declare const VERSION: string;

const SIGNAL_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

async function main(): Promise<number> {
  // For runners that keep their disk; the modes are loaded after it.
  enableCompileCache();
  const { env } = process;
  const ending = new AbortController();
  let signalled: keyof typeof SIGNAL_CODES | undefined;
  for (const name of Object.keys(SIGNAL_CODES) as (keyof typeof SIGNAL_CODES)[])
    process.on(name, () => {
      signalled = name;
      ending.abort(new Error(name));
    });
  const host = await hostOf(env);
  trust(host.job.caFile);
  setGlobalProxyFromEnv(env);
  try {
    return await runStep(host, {
      env,
      cwd: process.cwd(),
      signal: ending.signal,
      now: Date.now,
      random: Math.random,
      sleep: (ms) => delay(ms, undefined, { signal: ending.signal }),
      version: VERSION,
    });
  } catch (error) {
    if (signalled) return SIGNAL_CODES[signalled];
    const text = error instanceof Error ? (env.GITLAB_AGENT_DEBUG ? error.stack : error.message) : error;
    const hint = 'this is a defect of kubectl gitlab-agent; GITLAB_AGENT_DEBUG=1 shows where';
    host.fail([{ code: 'Unexpected', message: `unexpected: ${text}`, hint }]);
    return 2;
  }
}

async function hostOf(env: NodeJS.ProcessEnv): Promise<Host> {
  const cwd = process.cwd();
  if (env.GITHUB_ACTIONS === 'true' && env.GITLAB_CI !== 'true') {
    const { githubHost } = await import('./github-host.ts');
    return githubHost(githubJob(env, cwd, read(env.GITHUB_EVENT_PATH)), env);
  }
  const { gitlabHost } = await import('./gitlab-host.ts');
  return gitlabHost({
    job: gitlabJob(env, cwd),
    write: (text) => void process.stdout.write(text),
    now: Date.now,
    dotenv: resolve(cwd, env.INPUT_REPORT_PATH?.trim() || 'gitlab-agent-report', 'outputs.env'),
    ...(env.GITLAB_AGENT_OUTPUT_FILE && { outputFile: env.GITLAB_AGENT_OUTPUT_FILE }),
  });
}

function read(file: string | undefined): string | undefined {
  try {
    return file ? readFileSync(file, 'utf8') : undefined;
  } catch {
    return undefined;
  }
}

/** Runners with an authority of their own say where it is. */
function trust(caFile: string | undefined): void {
  const ca = read(caFile);
  if (ca !== undefined) setDefaultCACertificates([...getCACertificates('default'), ca]);
}

process.exitCode = await main();
// A keep-alive connection must not hold the job; what was written is out by then.
process.stdout.write('', () => process.exit());
