import {
  type AnnotationProperties,
  error,
  group,
  info,
  notice,
  setOutput,
  setSecret,
  summary,
  warning,
} from '@actions/core';
import { formatProblem, type Problem } from '../core/model/problem.ts';
import { escapeUnsafe } from '../core/report/escape.ts';
import { type Annotation, Hidden, type Host } from './host.ts';
import type { Job } from './job.ts';

const SAY = { error, warning, notice };

/** The runner shows no more of each level and step. */
const MOST_ANNOTATIONS = 10;
/** GitHub refuses a larger summary of a step. */
const SUMMARY_BYTES = 1_000_000;

/** A step of a GitHub-style runner. `core` finds its files by the environment of the process. */
export function githubHost(job: Job, env: Readonly<Record<string, string | undefined>>): Host {
  const hidden = new Hidden();
  const clean = (text: string): string => escapeUnsafe(hidden.clean(text));
  // A line that begins with `::` is a command.
  const print = (text: string): void => info(clean(text).replace(/^(\s*)(::|##\[)/gm, '$1 $2'));
  return {
    job,
    hide: (secret) => {
      hidden.add(secret);
      setSecret(secret);
    },
    say: print,
    warn: (text) => warning(clean(text)),
    fail: (problems) => {
      for (const problem of problems)
        error(clean(formatProblem(problem).replace(/^error: /, '')), placeOf(problem));
    },
    section: (title, run) => group(clean(title).trim(), run),
    output: (values) => {
      for (const [name, value] of Object.entries(values)) setOutput(name, hidden.clean(value));
    },
    summary: async (markdown) => {
      // `core` throws where the runner has none.
      if (!env.GITHUB_STEP_SUMMARY || Buffer.byteLength(markdown) > SUMMARY_BYTES) return;
      await summary.addRaw(hidden.clean(markdown)).write();
    },
    annotate: (annotations) => annotate(annotations, clean),
  };
}

function annotate(annotations: readonly Annotation[], clean: (text: string) => string): void {
  for (const [level, all] of Map.groupBy(annotations, (annotation) => annotation.level)) {
    const shown = all.length > MOST_ANNOTATIONS ? all.slice(0, MOST_ANNOTATIONS - 1) : all;
    for (const { message, file, line } of shown)
      SAY[level](clean(message), {
        ...(file !== undefined && { file }),
        ...(line !== undefined && { startLine: line }),
      });
    if (shown.length < all.length)
      SAY[level](`and ${all.length - shown.length} more, which are in the report`);
  }
}

function placeOf({ file, line, column }: Problem): AnnotationProperties {
  return {
    ...(file !== undefined && { file }),
    ...(line !== undefined && { startLine: line }),
    ...(column !== undefined && { startColumn: column }),
  };
}
