import type { CommandDefinition, FlagDefinition } from './definitions.ts';

/** What stands where the cursor is. */
export type Wanted =
  | { kind: 'command' }
  | { kind: 'flag' }
  /** `name` of the flag or the positional. */
  | { kind: 'value'; of: 'flag' | 'positional'; name: string; choices: readonly string[] }
  | { kind: 'nothing' };

export interface Position {
  command: CommandDefinition;
  wanted: Wanted;
  /** The beginning of the word, as it counts for `wanted`: for `--output=js` it is `js`. */
  prefix: string;
  /** Values of the flags before it, by the flag's name; 'true' for those without a value. */
  flags: ReadonlyMap<string, readonly string[]>;
  /** The words before it that are neither commands nor flags. */
  positionals: readonly string[];
}

/** Reads the words of an unfinished command line, of which the last, maybe empty, one is to be completed. */
export function positionOf(root: CommandDefinition, words: readonly string[]): Position {
  const before = words.slice(0, -1);
  const last = words.at(-1) ?? '';
  const flags = new Map<string, string[]>();
  const positionals: string[] = [];
  let command = root;
  let isOver = false;
  let pending: FlagDefinition | undefined;
  const note = (flag: FlagDefinition, value: string): void =>
    void flags.set(flag.name, [...(flags.get(flag.name) ?? []), value]);
  for (const word of before) {
    if (pending) {
      note(pending, word);
      pending = undefined;
    } else if (word === '--' && !isOver) isOver = true;
    else if (!isOver && word.startsWith('-') && word !== '-') {
      const read = readFlags(command, word);
      for (const { flag, value } of read) {
        if (value !== undefined) note(flag, value);
        else if (!flag.takesValue) note(flag, 'true');
        else pending = flag;
      }
    } else {
      const sub = positionals.length === 0 ? command.commands.find(({ name }) => name === word) : undefined;
      if (sub) command = sub;
      else positionals.push(word);
    }
  }
  const at = { command, flags, positionals };
  if (pending) return { ...at, wanted: wantedOf(pending), prefix: last };
  if (!isOver && last.startsWith('-') && last !== '-') {
    const assigned = /^(--[^=]+=|-[^-=]=)(.*)$/s.exec(last);
    if (!assigned) return { ...at, wanted: { kind: 'flag' }, prefix: last };
    const flag = readFlags(command, assigned[1]!)[0]?.flag;
    return { ...at, wanted: flag ? wantedOf(flag) : { kind: 'nothing' }, prefix: assigned[2]! };
  }
  if (!isOver && last === '-') return { ...at, wanted: { kind: 'flag' }, prefix: last };
  if (command.commands.length > 0)
    return { ...at, wanted: { kind: positionals.length === 0 ? 'command' : 'nothing' }, prefix: last };
  const { positionals: defined } = command;
  const positional = defined[positionals.length] ?? defined.findLast(({ variadic }) => variadic);
  if (!positional) return { ...at, wanted: { kind: 'nothing' }, prefix: last };
  const { name, choices } = positional;
  return { ...at, wanted: { kind: 'value', of: 'positional', name, choices }, prefix: last };
}

function wantedOf({ name, choices }: FlagDefinition): Wanted {
  return { kind: 'value', of: 'flag', name, choices };
}

/** The flags of a word: `--name`, `--name=value`, `-n`, `-nvalue`, `-n=value`, `-Rf`. Unknown ones are left out. */
function readFlags({ flags }: CommandDefinition, word: string): { flag: FlagDefinition; value?: string }[] {
  const long = /^--([^=]+)(?:=(.*))?$/s.exec(word);
  if (long) {
    const flag = flags.find(({ name }) => name === long[1]);
    return flag ? [{ flag, ...(long[2] !== undefined && { value: long[2] }) }] : [];
  }
  const found: { flag: FlagDefinition; value?: string }[] = [];
  for (let index = 1; index < word.length; index++) {
    const flag = flags.find(({ name, letter }) => letter === word[index] || name === word[index]);
    if (!flag) continue;
    const rest = word.slice(index + 1).replace(/^=/, '');
    if (flag.takesValue && index + 1 < word.length) return [...found, { flag, value: rest }];
    found.push({ flag });
  }
  return found;
}
