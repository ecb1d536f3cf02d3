import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { verifyDocument } from '../core/apply/plan-document.ts';
import { decodePlanKey, PLAN_KEY_BYTES, PLAN_KEY_VARIABLE } from '../core/apply/plan-key.ts';
import { type Json, parseJson } from '../core/model/json.ts';
import type { PlanDocument } from '../core/model/plan-document.ts';
import { ProblemError } from '../core/model/problem.ts';
import { type Digest, digestWith } from '../core/plan/digest.ts';
import { reportAsJson } from '../core/report/diff-report.ts';
import type { Io } from './io.ts';

type Place = Pick<Io, 'cwd' | 'env'>;

/** A key, and whether it is new, to be saved with the plan. */
interface Key {
  digest: Digest;
  /** What goes into FILE.key. */
  text?: string;
}

/** The key for a plan to be saved as `file`: of the environment, of an earlier plan there, or a new one. */
export function keyToSaveWith(file: string, io: Place): Key {
  const bytes = findKey(file, io);
  if (bytes) return { digest: digestWith(bytes) };
  const fresh = randomBytes(PLAN_KEY_BYTES);
  return { digest: digestWith(fresh), text: `${fresh.toString('base64')}\n` };
}

/** Refuses a name that already stands for anything but a plan. */
export function refuseOtherFile(file: string, { cwd }: Place): void {
  const text = read(resolve(cwd, file), file);
  if (text === undefined || isPlan(text)) return;
  throw problem(file, 'the file exists and is no plan: it is not overwritten', 'name another file');
}

/** Writes the plan, and its key first where that is new: a reader finds both, whole, or an older plan. */
export function savePlanFile(file: string, document: PlanDocument, key: Key, { cwd }: Place): void {
  const path = resolve(cwd, file);
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    if (key.text !== undefined) writeFileSync(`${path}.key`, key.text, { mode: 0o600, flag: 'wx' });
    writeFileSync(temporary, reportAsJson(document), { flag: 'wx' });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw problem(file, `the plan can't be written: ${reasonOf(error)}`);
  }
}

/** The plan of `file` as it was made, and the digests of its key. Throws ProblemError for anything else. */
export function readPlanFile(file: string, io: Place): { document: PlanDocument; digest: Digest } {
  const text = read(resolve(io.cwd, file), file);
  if (text === undefined)
    throw problem(file, 'there is no such file', 'make it: kubectl gitlab-agent diff -o plan --out FILE');
  if (!isPlan(text))
    throw problem(
      file,
      'the file is no plan',
      'a plan is made by kubectl gitlab-agent diff -o plan --out FILE',
    );
  const bytes = findKey(file, io);
  if (!bytes)
    throw problem(
      file,
      `the key of the plan is missing: there is no ${file}.key, and ${PLAN_KEY_VARIABLE} is not set`,
      'the key was written beside the plan when it was made',
    );
  const digest = digestWith(bytes);
  let document: PlanDocument;
  try {
    document = verifyDocument(parse(text), digest);
  } catch (error) {
    if (error instanceof ProblemError)
      throw new ProblemError(...error.problems.map((one) => ({ ...one, file })));
    throw error;
  }
  // What a person reads is what was sealed, to the letter: JSON allows to say a thing twice, and the last one counts.
  if (reportAsJson(document) !== text.replaceAll('\r\n', '\n'))
    throw problem(
      file,
      'the plan was changed after it was made',
      'make a new one: kubectl gitlab-agent diff -o plan --out FILE',
    );
  return { document, digest };
}

function findKey(file: string, { cwd, env }: Place): Buffer | undefined {
  const given = env[PLAN_KEY_VARIABLE];
  if (given !== undefined && given !== '') return decodePlanKey(given, PLAN_KEY_VARIABLE);
  const name = `${file}.key`;
  const path = resolve(cwd, name);
  const text = read(path, name);
  if (text === undefined) return undefined;
  if ((statSync(path).mode & 0o077) !== 0)
    throw problem(
      name,
      'the key can be read or written by others',
      `chmod 600 ${name}, or make a new plan and key`,
    );
  return decodePlanKey(text, name);
}

function isPlan(text: string): boolean {
  const value = parse(text) as { kind?: Json } | undefined | null;
  return value?.kind === 'Plan';
}

function parse(text: string): Json | undefined {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

/** The text of a file; undefined where there is none. */
function read(path: string, name: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw problem(name, `the file can't be read: ${reasonOf(error)}`);
  }
}

function reasonOf(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  const why = {
    EISDIR: 'it is a directory',
    EACCES: 'no permission',
    ENOENT: 'its directory does not exist',
    ENOTDIR: 'its directory is none',
    EEXIST: 'another run writes it at this moment',
    ENOSPC: 'the disk is full',
  }[code];
  return why ?? (code || message);
}

function problem(file: string, message: string, hint?: string): ProblemError {
  return new ProblemError({ code: 'PlanFile', message, file, ...(hint && { hint }) });
}
