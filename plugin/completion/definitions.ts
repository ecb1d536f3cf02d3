import type { Argv, CommandModule, Options } from 'yargs';

/** A flag as a command defines it. */
export interface FlagDefinition {
  name: string;
  /** Its single letter, where it has one. */
  letter?: string;
  describe: string;
  takesValue: boolean;
  repeatable: boolean;
  choices: readonly string[];
}

export interface PositionalDefinition {
  name: string;
  /** It takes all words that follow, too. */
  variadic: boolean;
  choices: readonly string[];
}

/** A command with all that its words can be. */
export interface CommandDefinition {
  name: string;
  describe: string;
  flags: FlagDefinition[];
  positionals: PositionalDefinition[];
  commands: CommandDefinition[];
}

const HELP: FlagDefinition = {
  name: 'help',
  letter: 'h',
  describe: 'Show help',
  takesValue: false,
  repeatable: false,
  choices: [],
};

/**
 * What `define` says to yargs, as data: the definitions that parse the command line and print its help. `spelling` is
 * yargs' own, `status [agent] [project]`. Hidden commands and flags are left out. yargs itself is not needed for it.
 */
export function definitionsOf(
  spelling: string,
  define: (yargs: Argv) => unknown,
  describe = '',
): CommandDefinition {
  const [name, ...words] = spelling.split(' ');
  const flags = [HELP];
  const positionals = new Map<string, Options>();
  const commands: CommandDefinition[] = [];
  const addFlag = (flag: string, options: Options): void => {
    if (!options.hidden) flags.push(flagOf(flag, options));
  };
  const addFlags = (all: Readonly<Record<string, Options>>): void => {
    for (const [flag, options] of Object.entries(all)) addFlag(flag, options);
  };
  const heard: Record<string, (...said: never[]) => void> = {
    option: addFlag,
    options: addFlags,
    positional: (positional: string, options: Options) => void positionals.set(positional, options),
    command: (first: string | CommandModule, says?: string, build?: CommandModule['builder']) => {
      const module =
        typeof first === 'string' ? { command: first, describe: says ?? false, builder: build } : first;
      const { command, describe: told, builder = {} } = module;
      if (typeof told !== 'string') return;
      const sub = typeof builder === 'function' ? builder : (yargs: Argv) => yargs.options(builder);
      commands.push(definitionsOf(String(command), sub, told));
    },
  };
  // Everything else that is said to yargs is about parsing and help.
  const listener: Argv = new Proxy({} as Argv, {
    get:
      (_target, method) =>
      (...said: never[]) => {
        heard[String(method)]?.(...said);
        return listener;
      },
  });
  define(listener);
  const positional = (word: string): PositionalDefinition => {
    const called = word.replace(/^[[<]|(\.\.)?[\]>]$/g, '');
    return {
      name: called,
      variadic: word.includes('..'),
      choices: choicesOf(positionals.get(called) ?? {}),
    };
  };
  return { name: name!, describe, flags, positionals: words.map(positional), commands };
}

function flagOf(name: string, options: Options): FlagDefinition {
  const names = [name, ...[options.alias ?? []].flat()];
  const letter = names.find((alias) => alias.length === 1);
  const choices = choicesOf(options);
  return {
    name,
    ...(letter !== undefined && { letter }),
    describe: options.describe ?? '',
    // A string that needs no value, as `--dry-run`, is not followed by one.
    takesValue:
      options.requiresArg === true || options.nargs === 1 || options.type === 'number' || choices.length > 0,
    repeatable: options.array === true,
    choices,
  };
}

function choicesOf({ choices = [] }: Options): string[] {
  return (choices as readonly unknown[]).filter((choice) => choice !== undefined).map(String);
}
