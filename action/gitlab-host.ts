import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { formatProblem } from '../core/model/problem.ts';
import { escapeUnsafe, oneLine } from '../core/report/escape.ts';
import { Hidden, type Host } from './host.ts';
import type { Job } from './job.ts';

export interface GitLabHostOptions {
  job: Job;
  write: (text: string) => void;
  /** In ms since 1970. */
  now: () => number;
  /** The file for `artifacts:reports:dotenv`. */
  dotenv: string;
  /** For GitLab Functions: outputs as lines of JSON. */
  outputFile?: string;
}

/** GitLab refuses a larger file, and takes no more variables ("Dotenv variables"). */
const DOTENV_BYTES = 5 * 1024;
const DOTENV_VARIABLES = 20;
const LONGEST_VALUE = 512;

/** A job of GitLab CI: sections in its log, outputs in a dotenv file. Nothing masks a value there but not printing it. */
export function gitlabHost({ job, write, now, dotenv, outputFile }: GitLabHostOptions): Host {
  const hidden = new Hidden();
  const print = (text: string): void => write(`${escapeUnsafe(hidden.clean(text))}\n`);
  const outputs = new Map<string, string>();
  let sections = 0;
  return {
    job,
    hide: (secret) => hidden.add(secret),
    say: print,
    warn: (text) => print(`warning: ${text}`),
    fail: (problems) => print(problems.map(formatProblem).join('\n')),
    section: async (title, run) => {
      sections += 1;
      const name = `gitlab_agent_${sections}`;
      const mark = (kind: string): string =>
        `\x1b[0Ksection_${kind}:${Math.floor(now() / 1000)}:${name}\r\x1b[0K`;
      write(`${mark('start')}${oneLine(hidden.clean(title))}\n`);
      try {
        return await run();
      } finally {
        write(`${mark('end')}\n`);
      }
    },
    output: (values) => {
      for (const [name, value] of Object.entries(values)) outputs.set(name, hidden.clean(value));
      mkdirSync(dirname(dotenv), { recursive: true });
      writeFileSync(dotenv, dotenvText(outputs));
      if (outputFile !== undefined) writeFileSync(outputFile, jsonLines(outputs), { flag: 'a' });
    },
    summary: async () => {},
    // They are in the Code Quality report.
    annotate: () => {},
  };
}

/**
 * `GITLAB_AGENT_STATUS=success`: one line each without quotes, comments or empty lines. What would make GitLab refuse
 * the file is left out; later jobs can read the rest in the report.
 */
export function dotenvText(outputs: ReadonlyMap<string, string>): string {
  let text = '';
  let count = 0;
  for (const [name, value] of outputs) {
    const line = `GITLAB_AGENT_${name.toUpperCase()}=${oneLine(value).slice(0, LONGEST_VALUE)}\n`;
    if (count === DOTENV_VARIABLES || Buffer.byteLength(text + line) > DOTENV_BYTES) break;
    text += line;
    count += 1;
  }
  return text;
}

function jsonLines(outputs: ReadonlyMap<string, string>): string {
  return [...outputs].map(([name, value]) => `${JSON.stringify({ name, value })}\n`).join('');
}
