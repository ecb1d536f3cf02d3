import { setImmediate } from 'node:timers/promises';
import type { FileTree } from '../model/file-tree.ts';
import type { Manifest, Source } from '../model/manifest.ts';
import { type Problem, ProblemError } from '../model/problem.ts';
import { parseText } from './dialect.ts';
import { isForeign, MAX_PROBLEMS, normalizeDocument, type Origin } from './normalize.ts';
import type { SelectedFile } from './selection.ts';
import { SourceText } from './source-text.ts';
import { decodeText } from './text.ts';

const CONCURRENCY = 32;
const NAMED_IN_NOTICE = 5;

export interface Limits {
  files: number;
  /** Of one file, in bytes. */
  fileBytes: number;
  /** Of all files together, in bytes. */
  totalBytes: number;
}

/** Gathers what all inputs give: manifests, problems, and which files were left out. */
export class Collector {
  readonly manifests: Manifest[] = [];
  readonly problems: Problem[] = [];
  readonly origins = new Map<Source, Origin>();
  private readonly foreign: string[] = [];
  private readonly seen = new Set<string>();
  private readonly limits: Limits;
  private readonly onManifest: ((manifest: Manifest) => void) | undefined;
  private bytes = 0;

  constructor(limits: Limits, onManifest?: (manifest: Manifest) => void) {
    this.limits = limits;
    this.onManifest = onManifest;
  }

  /** Runs `action`; its ProblemError joins the other problems. */
  async guard(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      this.problems.push(...error.problems);
    }
  }

  get fileBytes(): number {
    return this.limits.fileBytes;
  }

  /** False for a file that was read before: overlapping arguments mean it once. */
  isNew({ file, real }: SelectedFile): boolean {
    const fresh = !this.seen.has(real);
    this.seen.add(real);
    if (this.seen.size > this.limits.files) {
      const message = `more than ${this.limits.files} files are selected`;
      throw new ProblemError({ code: 'TooManyFiles', message, file, hint: 'name fewer directories' });
    }
    return fresh;
  }

  addBytes(file: string, bytes: Buffer, explicit: boolean): void {
    if (bytes.length > this.limits.fileBytes) {
      const message = `the file has more than ${formatSize(this.limits.fileBytes)}`;
      this.problems.push({
        code: 'TooLarge',
        message,
        file,
        hint: 'split it: the API server takes objects of up to 3 MiB',
      });
      return;
    }
    this.bytes += bytes.length;
    if (this.bytes > this.limits.totalBytes) {
      throw new ProblemError({
        code: 'TooLarge',
        message: `all files together have more than ${formatSize(this.limits.totalBytes)}`,
        file,
      });
    }
    const { text, fault } = decodeText(bytes);
    const source = new SourceText(file, text);
    if (fault) this.problems.push(source.problem(fault));
    else this.addText(source, explicit);
  }

  /** What `kustomize build` printed; its places are in that output. */
  addKustomization(directory: string, output: Buffer): void {
    this.addText(new SourceText(directory, decodeText(output).text), true);
  }

  private addText(source: SourceText, explicit: boolean): void {
    const { documents, faults } = parseText(source.text);
    const mayHoldObjects = /apiVersion|kind/.test(source.text);
    if (
      !explicit &&
      documents.every(({ value }) => isForeign(value)) &&
      (faults.length === 0 ? documents.length > 0 : !mayHoldObjects)
    ) {
      this.foreign.push(source.file);
      return;
    }
    const problems = faults.slice(0, MAX_PROBLEMS).map((fault) => source.problem(fault));
    for (const document of documents) {
      if (problems.length >= MAX_PROBLEMS) break;
      const normalized = normalizeDocument(document, source);
      for (const manifest of normalized.manifests) {
        this.manifests.push(manifest);
        this.onManifest?.(manifest);
      }
      for (const [key, origin] of normalized.origins) this.origins.set(key, origin);
      problems.push(...normalized.problems);
    }
    problems.sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
    if (problems.length >= MAX_PROBLEMS) {
      problems.push({
        code: 'TooManyProblems',
        message: 'the file has more problems; the first are listed',
        file: source.file,
      });
    }
    this.problems.push(...problems);
  }

  notices(): string[] {
    const { length } = this.foreign;
    if (length === 0) return [];
    const names = this.foreign.slice(0, NAMED_IN_NOTICE).join(', ');
    const more = length > NAMED_IN_NOTICE ? ` and ${length - NAMED_IN_NOTICE} more` : '';
    return [
      `left out ${length === 1 ? 'a file' : `${length} files`} without apiVersion and kind: ${names}${more}`,
    ];
  }
}

/** Reads files many at a time and takes them in in their order. */
export async function readSelected(
  tree: FileTree,
  files: readonly SelectedFile[],
  collector: Collector,
  signal: AbortSignal,
): Promise<void> {
  const fresh: SelectedFile[] = [];
  for (const file of files) if (collector.isNew(file)) fresh.push(file);
  const pending: Promise<Buffer | ProblemError>[] = [];
  for (let index = 0; index < fresh.length; index += 1) {
    while (pending.length < fresh.length && pending.length < index + CONCURRENCY) {
      const { file } = fresh[pending.length]!;
      pending.push(tree.read(file, collector.fileBytes).catch(asProblem));
    }
    const bytes = await pending[index]!;
    pending[index] = Promise.resolve(Buffer.alloc(0));
    signal.throwIfAborted();
    const { file, explicit } = fresh[index]!;
    if (bytes instanceof ProblemError) collector.problems.push(...bytes.problems);
    else collector.addBytes(file, bytes, explicit);
    // Parsing keeps this thread; what the network brought meanwhile gets its turn.
    await setImmediate();
  }
}

function asProblem(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  throw error;
}

function formatSize(bytes: number): string {
  return bytes >= 1024 * 1024 ? `${Math.floor(bytes / 1024 / 1024)} MiB` : `${bytes} bytes`;
}
