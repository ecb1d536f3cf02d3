import { isSafe, oneLine } from '../../core/report/escape.ts';
import { CONNECTION_FLAGS, type ConnectionFlags } from '../connection-flags.ts';
import type { Io } from '../io.ts';
import type { CommandDefinition, FlagDefinition } from './definitions.ts';
import { helpWords } from './help-words.ts';
import { type Position, positionOf } from './position.ts';
import type { Candidate, Surroundings } from './source.ts';

// Cobra's ShellCompDirective: how kubectl passes on to the shell what follows.
const FILES = 0;
const NO_SPACE = 2;
const NO_FILES = 4;
const DIRECTORIES = 16;

/** A person waits with a finger on Tab: what the cluster does not answer by then is no candidate. */
const PATIENCE_MS = 2_000;
const LONGEST_DESCRIPTION = 80;

interface Completion {
  candidates: Candidate[];
  directive: number;
}

/**
 * Answers `__complete WORD…`, as kubectl asks it of a plugin: candidates for the last word, a line each, with a
 * description behind a tab, then `:` and cobra's directive. Never fails: what can't be told has no candidates.
 */
export async function runComplete(
  root: CommandDefinition,
  words: readonly string[],
  io: Io,
): Promise<number> {
  const isHelp = words[0] === 'help' && words.length > 1;
  const position = isHelp ? positionOf(helpWords(root), words.slice(1)) : positionOf(root, words);
  const { candidates, directive } = await complete(position, io).catch(() => NOTHING);
  const seen = new Set<string>();
  const fitting = candidates.filter(({ value }) => {
    const fits = value.startsWith(position.prefix) && isSafe(value) && !/^:|\s|^$/.test(value);
    const isNew = fits && !seen.has(value);
    seen.add(value);
    return isNew;
  });
  io.out([...fitting.map(line), `:${directive}`, ''].join('\n'));
  return 0;
}

const NOTHING: Completion = { candidates: [], directive: NO_FILES };

function line({ value, describe = '' }: Candidate): string {
  const told = oneLine(describe);
  const short = told.length > LONGEST_DESCRIPTION ? `${told.slice(0, LONGEST_DESCRIPTION - 1)}…` : told;
  return short === '' ? value : `${value}\t${short}`;
}

async function complete(position: Position, io: Io): Promise<Completion> {
  const { command, wanted } = position;
  if (wanted.kind === 'nothing') return NOTHING;
  if (wanted.kind === 'command') {
    const candidates = command.commands.map(({ name, describe }) => ({ value: name, describe }));
    return { candidates, directive: NO_FILES };
  }
  if (wanted.kind === 'flag') return { candidates: flagCandidates(position), directive: NO_FILES };
  if (wanted.choices.length > 0)
    return { candidates: wanted.choices.map((value) => ({ value })), directive: NO_FILES };
  const { SOURCES } = await import('./sources.ts');
  const source = SOURCES[wanted.name];
  // What `kubeconfig` is to write is no connection yet: nobody's credentials go to its --server.
  if (source && command.name === 'kubeconfig' && wanted.name !== 'context') return NOTHING;
  if (!source) return { candidates: [], directive: wanted.name === 'kustomize' ? DIRECTORIES : FILES };
  // A flag's credential program, a slow cluster, a repository of gigabytes: all of them end with the signal.
  const signal = AbortSignal.any([io.signal, AbortSignal.timeout(PATIENCE_MS)]);
  const candidates = await inTime(
    source({ ...surroundings(position), io, signal, prefix: position.prefix }),
    signal,
  );
  // A kind goes on with a slash, or with a name behind a space.
  const goesOn = candidates.some(({ goesOn }) => goesOn);
  return { candidates, directive: goesOn ? NO_FILES | NO_SPACE : NO_FILES };
}

function inTime<T>(answer: T | Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  return Promise.race([answer, promise]);
}

/** Flags that may still come; single letters only where nothing but the dash is there. */
function flagCandidates({ command, flags, prefix }: Position): Candidate[] {
  const open = command.flags.filter(({ name, repeatable }) => repeatable || !flags.has(name));
  const spelt = ({ name, letter, describe }: FlagDefinition): Candidate[] => {
    const long = name.length === 1 ? `-${name}` : `--${name}`;
    const short = letter && letter !== name && prefix === '-' ? [{ value: `-${letter}`, describe }] : [];
    return [{ value: long, describe }, ...short];
  };
  return open.flatMap(spelt);
}

function surroundings({
  flags,
  positionals,
}: Position): Pick<Surroundings, 'connection' | 'flags' | 'positionals'> {
  const given = Object.entries<{ type: string; array?: boolean }>(CONNECTION_FLAGS).flatMap(
    ([name, { type, array }]) => {
      const values = flags.get(name);
      if (!values) return [];
      const camel = name.replace(/-(.)/g, (_dash, letter: string) => letter.toUpperCase());
      const value = array ? values : type === 'boolean' ? values.at(-1) !== 'false' : values.at(-1);
      return [
        [name, value],
        [camel, value],
      ];
    },
  );
  // Whatever was asked to be logged would run into the line that a person is typing.
  const connection = { ...Object.fromEntries(given), v: 0 } as ConnectionFlags;
  return { connection, flags, positionals };
}
