/** Runs the CI step in this process, as a job of the stand-in's GitLab would. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { gitlabHost } from '../../action/gitlab-host.ts';
import { gitlabJob } from '../../action/job.ts';
import { runStep } from '../../action/run.ts';
import type { GitLab } from './gitlab/gitlab.ts';
import type { Project } from './gitlab/project.ts';

export interface StepResult {
  code: number;
  /** Its log, without the marks of sections. */
  log: string;
  outputs: Record<string, string>;
  /** Where it ran. */
  directory: string;
}

export interface StepOptions {
  gitlab: GitLab;
  /** The project of the pipeline. */
  project: Project;
  commit?: string;
  env?: Record<string, string>;
  signal?: AbortSignal;
  /** Its clock goes as many times faster. */
  hurry?: number;
  directory?: string;
  /** Of one request, in ms. */
  requestTimeout?: number;
}

/** Variables of a job, as GitLab sets them. */
export function jobVariables({ gitlab, project, commit }: StepOptions): Record<string, string> {
  return {
    CI: 'true',
    GITLAB_CI: 'true',
    CI_SERVER_URL: gitlab.url,
    CI_API_V4_URL: `${gitlab.url}/api/v4`,
    CI_PROJECT_ID: String(project.id),
    CI_PROJECT_PATH: project.path,
    CI_PROJECT_VISIBILITY: project.visibility,
    CI_DEFAULT_BRANCH: project.defaultBranch,
    CI_PIPELINE_ID: '1001',
    CI_PIPELINE_URL: `${gitlab.url}/${project.path}/-/pipelines/1001`,
    CI_JOB_URL: `${gitlab.url}/${project.path}/-/jobs/2002`,
    GITLAB_USER_LOGIN: 'ada',
    ...(commit !== undefined && { CI_COMMIT_SHA: commit }),
  };
}

/** Runs it with inputs as a component sets them; `inputs` in snake_case. */
export async function step(
  t: ExecutionContext,
  options: StepOptions,
  inputs: Record<string, string>,
): Promise<StepResult> {
  const { signal = new AbortController().signal, hurry = 20 } = options;
  const directory = options.directory ?? temporaryDirectory(t);
  const given = Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]);
  const env = {
    PATH: process.env.PATH,
    HOME: directory,
    ...jobVariables(options),
    CI_PROJECT_DIR: directory,
    ...options.env,
    ...Object.fromEntries(given),
  };
  const begun = Date.now();
  // A clock that goes as much faster as pauses are shorter.
  const now = (): number => begun + (Date.now() - begun) * hurry;
  let log = '';
  const host = gitlabHost({
    job: gitlabJob(env, directory),
    write: (text) => {
      log += text;
    },
    now,
    dotenv: join(directory, 'outputs.env'),
  });
  const code = await runStep(host, {
    env,
    cwd: directory,
    signal,
    now,
    random: Math.random,
    sleep: (ms) => delay(ms / hurry, undefined, { signal }),
    version: '0.0.0-test',
    ...(options.requestTimeout !== undefined && { requestTimeout: options.requestTimeout }),
  });
  const clean = log.replace(/\x1b\[0Ksection_(start|end):\d+:\w+\r\x1b\[0K\n?/g, '');
  return { code, log: clean, outputs: readDotenv(join(directory, 'outputs.env')), directory };
}

/** Names in snake_case, without the prefix. */
export function readDotenv(file: string): Record<string, string> {
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return {};
  }
  const lines = text.trimEnd().split('\n');
  return Object.fromEntries(
    lines.map((line) => {
      const [, name, value] = /^GITLAB_AGENT_(\w+)=(.*)$/.exec(line)!;
      return [name!.toLowerCase(), value!];
    }),
  );
}

export function temporaryDirectory(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'gitlab-agent-step-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
