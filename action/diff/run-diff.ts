import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ReadResult } from '../../core/manifest/read.ts';
import type { ManifestEntry } from '../../core/model/agent-config.ts';
import type { Manifest } from '../../core/model/manifest.ts';
import { objectKey } from '../../core/model/object.ts';
import { ACTIONS, type Change, diffExitCode, type Summary, summarize } from '../../core/model/plan.ts';
import { type Problem, ProblemError } from '../../core/model/problem.ts';
import { compareSets } from '../../core/plan/compare.ts';
import { SecretGate } from '../../core/plan/secret-gate.ts';
import { codeQuality } from '../../core/report/code-quality.ts';
import { diffReport, reportAsJson } from '../../core/report/diff-report.ts';
import { oneLine } from '../../core/report/escape.ts';
import { html } from '../../core/report/html.ts';
import { markdown, NOTE_BUDGET } from '../../core/report/markdown.ts';
import { summary } from '../../core/report/summary.ts';
import { summaryLine } from '../../core/report/words.ts';
import { type Desk, problemOf } from '../desk.ts';
import { configurationOf, readEntry } from '../entry.ts';
import type { Annotation } from '../host.ts';
import type { FailOn } from '../input-table.ts';
import { openManifests, type Reading, readingOf } from './manifests.ts';
import { type Sides, sidesOf } from './sides.ts';

/** Mode `diff`; 1 where `fail_on` says so. Throws ProblemError where there is nothing to show. */
export async function runDiff(desk: Desk): Promise<number> {
  const { host, inputs } = desk;
  const configuration = await configurationOf(desk);
  const configured = configuration && (await readEntry(desk, configuration));
  const sides = await sidesOf(desk, configured);
  host.output({ commit: sides.head });
  const changes = await host.section(`Compare ${sides.words}`, async () => {
    const found = await compare(desk, sides, configured?.entry);
    host.say(summary(found).trimEnd());
    return found;
  });
  const counts = summarize(changes);
  const files = writeReports(desk, changes, sides);
  host.output({ ...outputsOf(counts), report_path: files.directory });
  host.annotate(changes.flatMap(annotation));
  await host.summary(files.markdown);
  const noted = await postNote(desk, changes, sides);
  const failing = inputs.failOn.filter((what) => isFailing(counts, what));
  if (failing.length > 0)
    host.fail([
      {
        code: 'FailOn',
        message: `there are objects that fail_on names (${failing.join(', ')}): ${summaryLine(changes, { dangerousFirst: true })}`,
      },
    ]);
  return noted && failing.length === 0 ? 0 : 1;
}

async function compare(desk: Desk, sides: Sides, entry: ManifestEntry | undefined): Promise<Change[]> {
  const { cluster, head, base } = sides;
  const reading = readingOf(desk, entry);
  // The cluster answers while files are read.
  using live =
    cluster === undefined
      ? undefined
      : (await import('./live.ts')).openLive(desk, cluster.connection, reading.namespace);
  await using reader = await openManifests(desk);
  const after = await reader.read(head, reading, (manifest) => live?.note(manifest));
  for (const notice of after.notices) desk.host.say(`notice: ${oneLine(notice)}`);
  if (after.problems.length > 0) throw new ProblemError(...after.problems);
  const plan = { manifests: after.manifests, commit: head, ...(entry && { entry }) };
  const [found, before] = await Promise.all([
    after.manifests.length > 0 ? live?.plan(plan) : undefined,
    base === undefined ? undefined : reader.read(base, reading),
  ]);
  refuseProblems(before, sides);
  refuseNowhere(after, before, reading);
  if (!live) return compareSets(before!.manifests, after.manifests, new SecretGate()).changes;
  return [...(found ?? []), ...gone(before?.manifests ?? [], after.manifests)];
}

/** What left the manifests: a plan without a set does not look for it. */
function gone(before: readonly Manifest[], after: readonly Manifest[]): Change[] {
  const wanted = new Set(after.map(({ id }) => objectKey(id)));
  const left = before.filter(({ id }) => !wanted.has(objectKey(id)));
  const { changes } = compareSets(left, [], new SecretGate());
  return changes.map((change) => ({ ...change, verified: false }));
}

function refuseProblems(before: ReadResult | undefined, { base }: Sides): void {
  const [first] = before?.problems ?? [];
  if (!first) return;
  const message = `what it is compared with, ${base!.slice(0, 12)}, can't be read: ${first.message}`;
  const hint = 'what this commit itself says is fine; compare it with a cluster (against: live) to see more';
  throw new ProblemError({ ...first, message, hint });
}

/** A path that is nowhere is a typing mistake; one that only one side has comes or goes. */
function refuseNowhere(
  after: ReadResult,
  before: ReadResult | undefined,
  { paths, kustomize }: Reading,
): void {
  const what = kustomize ? 'kustomization' : 'path';
  const nowhere = after.absent.filter((path) => !before || before.absent.includes(path));
  const [first, ...more] = nowhere.map(
    (path): Problem => ({
      code: 'NoSuchPath',
      message: `there is no such ${what} in any of the compared revisions`,
      file: path,
      hint: 'paths count from the root of the repository',
    }),
  );
  if (first) throw new ProblemError(first, ...more);
  if (after.manifests.length === 0 && !before?.manifests.length)
    throw new ProblemError({
      code: 'NoObjects',
      message: `there are no objects in ${paths.join(', ') || 'the repository'}`,
      hint: 'name files, directories or globs with input paths',
    });
}

function writeReports(
  { inputs, cwd }: Desk,
  changes: readonly Change[],
  { title, words }: Sides,
): { directory: string; markdown: string } {
  const directory = inputs.reportPath;
  const path = resolve(cwd, directory);
  const text = markdown(changes, { budget: Number.POSITIVE_INFINITY, title }).join('\n');
  try {
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, 'diff.md'), text);
    writeFileSync(join(path, 'diff.html'), html(changes, `Kubernetes diff of ${words}`));
    writeFileSync(join(path, 'diff.json'), reportAsJson(diffReport(changes)));
    writeFileSync(join(path, 'codequality.json'), codeQuality(changes));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ProblemError({
      code: 'Report',
      message: `the reports can't be written: ${code}`,
      file: directory,
    });
  }
  return { directory, markdown: text };
}

function outputsOf(counts: Summary): Record<string, string> {
  return {
    has_changes: String(differs(counts)),
    ...Object.fromEntries(ACTIONS.map((action) => [action, String(counts[action])])),
  };
}

function isFailing(counts: Summary, what: FailOn): boolean {
  return what === 'any' ? differs(counts) : counts[what] > 0;
}

/** What could not be told may be a change. */
function differs(counts: Summary): boolean {
  return diffExitCode(counts) !== 0;
}

function annotation(change: Change): Annotation[] {
  const { action, source, reason, message } = change;
  const level =
    action === 'unknown' ? 'warning' : action === 'delete' || action === 'replace' ? 'notice' : undefined;
  if (!level) return [];
  const { kind, name } = change.id;
  const why = [reason, message].filter(Boolean).join(': ');
  const text = oneLine(`${action} ${kind} ${name}${why && `: ${why}`}`);
  return [{ level, message: text, ...(source && { file: source.file, line: source.line }) }];
}

/** Says whether all is well with the note. */
async function postNote(desk: Desk, changes: readonly Change[], { title }: Sides): Promise<boolean> {
  const { inputs, job, token, gitlab, host, sleep, now, deadline } = desk;
  const { mergeRequest: request } = job;
  const isOff = inputs.comment === false || token === undefined || token.kind === 'job';
  if (!request || isOff) {
    if (inputs.comment && !request) host.warn('no note is written: this is no pipeline of a merge request');
    return true;
  }
  const { MARK_BYTES, writeNote } = await import('./note.ts');
  const link = job.jobUrl
    ? `\n[Full report](${job.jobUrl}/artifacts/file/${encodeURI(inputs.reportPath)}/diff.html), [job](${job.jobUrl})\n`
    : '';
  const budget = NOTE_BUDGET - MARK_BYTES - Buffer.byteLength(link);
  const noted = await writeNote({
    gitlab,
    project: request.project,
    mergeRequest: request.iid,
    subject: `${inputs.agent ?? '-'}/${inputs.entry ?? '-'}`,
    pipeline: job.pipeline,
    parts: markdown(changes, { budget, title }).map((part) => part + link),
    sleep,
    now,
    deadline,
  });
  if (noted.state === 'failed') {
    const hint =
      noted.failure.code === 'forbidden' || noted.failure.code === 'unauthorized'
        ? 'notes need a token with the scope api of somebody who may comment there; comment: false does without'
        : undefined;
    const doing =
      noted.doing === 'read' ? "the notes of the merge request can't be read" : 'the note was not written';
    host.fail([problemOf(doing, noted.failure, hint)]);
    return false;
  }
  const url = `${desk.gitlabUrl}/${request.project}/-/merge_requests/${request.iid}#note_${noted.id}`;
  host.output({ note_url: url });
  host.say(
    noted.state === 'newer' ? `a newer pipeline has written its note already: ${url}` : `note: ${url}`,
  );
  return true;
}
