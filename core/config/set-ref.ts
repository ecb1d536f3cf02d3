import { isDeepStrictEqual } from 'node:util';
import { type Alias, isMap, isScalar, type Node, type Pair, Scalar, type YAMLMap } from 'yaml';
import type { AgentConfig, ManifestEntry, ManifestRef } from '../model/agent-config.ts';
import { applyEdits, type Edit } from '../model/edit.ts';
import type { Problem } from '../model/problem.ts';
import { type ConfigContext, parseAgentConfig } from './agent-config.ts';
import { isNull } from './scalar.ts';
import { isQuoted, ownPair, Splicer, word } from './splice.ts';
import { suggest } from './types.ts';

/** Which entry: by its name, or by its project, by path or number, where that is in the file once. */
export type EntrySelector = { name: string } | { project: string; projectId?: number };

/**
 * The text of a config.yaml with another `ref` in one entry. Comments, quotes, indentation and line ends stay as they
 * are: only what says the ref is replaced or added. There is no text where the file is broken, where it has no such
 * entry, and where the change would be another one too (a ref that entries share by an anchor).
 */
export function setRef(
  text: string,
  selector: EntrySelector,
  wanted: ManifestRef,
  context: ConfigContext,
): { text: string } | { problems: Problem[] } {
  const mark = text.startsWith('\ufeff') ? '\ufeff' : '';
  const source = text.slice(mark.length);
  const before = parseAgentConfig(Buffer.from(source), context);
  if (!before.config) return { problems: before.problems };
  const found = findEntry(before.config, selector);
  if (typeof found === 'string')
    return { problems: [{ code: 'NoEntry', file: context.file, message: found }] };
  const entry = before.config.entries[found]!;
  const ref = 'commit' in wanted ? { commit: wanted.commit.toLowerCase() } : wanted;
  if (isDeepStrictEqual(entry.ref, ref)) return { text };

  const edited = applyEdits(source, new RefEditor(source, context.file).edits(found, ref));
  const after = parseAgentConfig(Buffer.from(edited), context);
  const entries = before.config.entries.with(found, { ...entry, ref });
  if (isDeepStrictEqual(after.config, { ...before.config, entries })) return { text: mark + edited };
  const [broken] = after.problems;
  const message = broken?.message ?? `the ref of ${entry.name} can't be changed alone as the file is written`;
  const hint = broken ? broken.hint : 'give the entry a ref of its own, by hand';
  return { problems: [before.problemAt(entry.name, 'ref', message, hint)] };
}

/** The index of the entry, or a sentence why there is none. */
export function findEntry(
  { entries }: Pick<AgentConfig, 'entries'>,
  selector: EntrySelector,
): number | string {
  const names = entries.map(({ name }) => name);
  if ('name' in selector) {
    const index = names.indexOf(selector.name);
    if (index >= 0) return index;
    const hint = suggest(selector.name, names);
    return `no entry is called ${selector.name}${hint ? `: ${hint}` : ''}`;
  }
  const found = entriesOf({ entries }, selector);
  if (found.length === 1) return entries.indexOf(found[0]!);
  if (found.length === 0) return `no entry is for the project ${selector.project}`;
  return `${found.length} entries are for the project ${selector.project}: say which of ${found.map(({ name }) => name).join(', ')}`;
}

/** The entries of a project, by its path or its number. */
export function entriesOf(
  { entries }: Pick<AgentConfig, 'entries'>,
  { project, projectId }: { project: string; projectId?: number },
): ManifestEntry[] {
  return entries.filter(({ repository }) => {
    if ('projectId' in repository) return repository.projectId === projectId;
    return 'project' in repository && repository.project.toLowerCase() === project.toLowerCase();
  });
}

/** Finds the places in a valid file. Layouts that it does not know come out as no change, or as one that is refused. */
class RefEditor extends Splicer {
  edits(index: number, ref: ManifestRef): Edit[] {
    const entry = this.find(['gitops', 'manifest_projects', index]);
    if (!isMap(entry)) return [];
    const own = ownPair(entry, 'ref');
    if (!own) return [this.addition(entry, ref)];
    const value = own.value as Node | null;
    if (isMap(value)) return this.replacement(value, ref);
    return [this.value(own, ref)];
  }

  /** `ref: {branch: main}`: the name and the value of the one pair in it. */
  private replacement(map: YAMLMap, ref: ManifestRef): Edit[] {
    const pair = map.items.find(({ value }) => value && !isNull(value as Node));
    if (!pair || !isScalar(pair.key)) return [];
    const [[kind, name]] = Object.entries(ref) as [[string, string]];
    const edits = [this.scalar(pair.value as Scalar | Alias, name)];
    if (pair.key.value !== kind) edits.push(this.scalar(pair.key, kind));
    return edits;
  }

  /** `ref:`, `ref: ~`, `ref: *main`. */
  private value(pair: Pair, ref: ManifestRef): Edit {
    const colon = this.source.indexOf(':', (pair.key as Node).range![1]) + 1;
    const value = pair.value as Node | null;
    const [from, to] = value?.range ?? [colon, colon];
    const text = flowRef(ref, isQuoted(pair.key), ' ');
    return from === to ? { from: colon, to: colon, text: ` ${text}` } : { from, to, text };
  }

  private addition(entry: YAMLMap, ref: ManifestRef): Edit {
    const [[kind, name]] = Object.entries(ref) as [[string, string]];
    // After the line of what tells which project it is.
    return this.addPair(entry, /^(id|url|name)$/, {
      block: (quotes) => [`${word('ref', quotes)}:`, `  ${word(kind, quotes)}: ${word(name, quotes)}`],
      flow: (quotes, space) => `${word('ref', quotes)}: ${flowRef(ref, quotes, space)}`,
    });
  }

  /** Another text in the place of a scalar, in the quotes that it has. */
  private scalar(node: Scalar | Alias, text: string): Edit {
    const [from, to] = node.range!;
    const single = isScalar(node) && node.type === Scalar.QUOTE_SINGLE && !/['\\]/.test(text);
    if (single) return { from, to, text: `'${text}'` };
    // A block scalar ends with its line.
    const eol = /\r?\n$/.exec(this.source.slice(from, to))?.[0] ?? '';
    return { from, to, text: word(text, isQuoted(node)) + eol };
  }
}

function flowRef(ref: ManifestRef, quotes: boolean, space: string): string {
  const [[kind, name]] = Object.entries(ref) as [[string, string]];
  return `{${space}${word(kind, quotes)}: ${word(name, quotes)}${space}}`;
}
