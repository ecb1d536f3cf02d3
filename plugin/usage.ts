import type { Problem } from '../core/model/problem.ts';

const COMMANDS = 'kubectl gitlab-agent --help lists the commands';
/** Where commands are listed: `config` has some of its own. */
const commandsOf = ([first]: readonly string[]): string =>
  first === 'config' ? COMMANDS.replace('--help', 'config --help') : COMMANDS;
const flagsOf = (command: string): string =>
  command === '' || command.startsWith('-')
    ? COMMANDS
    : `kubectl gitlab-agent ${command} --help lists the flags`;
/** `diff`, or `config show`: what the command line begins with. */
const commandOf = (argv: readonly string[]): string => argv.slice(0, argv[0] === 'config' ? 2 : 1).join(' ');

// How yargs words what it refuses (locales/en.json), and how we do.
const WORDING: [RegExp, (found: string[], argv: readonly string[]) => Pick<Problem, 'message' | 'hint'>][] = [
  [
    /^Not enough arguments following: (.+)$/,
    ([name]) => ({
      message: `${flagName(name!)} needs a value`,
      hint: `a value that begins with "-" is written ${flagName(name!)}=VALUE`,
    }),
  ],
  [
    /Argument: (.+), Given: (.+), Choices: (.+)$/s,
    ([name, given, choices], argv) => ({
      message: `${calledIn(argv, name!)} can't be ${given}`,
      hint: `it is one of ${choices!.replaceAll('"', '')}`,
    }),
  ],
  [
    /^Did you mean (.+)\?$/,
    ([command], argv) => ({
      message: `there is no command "${commandOf(argv)}"`,
      hint: `did you mean ${command}?`,
    }),
  ],
  [/^Unknown (?:argument|command)s?: (.+)$/, ([names], argv) => unknown(names!.split(', '), argv)],
];

/** What is wrong with the command line, from yargs' own words, in a sentence of ours. */
export function usageProblem(message: string, argv: readonly string[]): Problem {
  for (const [pattern, word] of WORDING) {
    const found = pattern.exec(message);
    if (found) return { code: 'Usage', ...word(found.slice(1), argv) };
  }
  return { code: 'Usage', message: message.replace(/\s+/g, ' '), hint: commandsOf(argv) };
}

/** What commands take beside flags. */
const AGENT_AND_PROJECT = 'an agent and a project';
const POSITIONALS: Record<string, string> = {
  history: 'an agent, a project and one sync',
  register: 'one agent',
  kubeconfig: 'one agent',
  bootstrap: 'one agent',
  logs: 'one agent',
  ...Object.fromEntries(
    ['diff', 'inventory', 'rollback', 'status', 'sync', 'wait', 'suspend', 'resume'].map((command) => [
      command,
      AGENT_AND_PROJECT,
    ]),
  ),
};

function unknown(names: string[], argv: readonly string[]): Pick<Problem, 'message' | 'hint'> {
  const flags = argv.filter((argument) => argument.startsWith('-')).map((flag) => flag.replace(/=.*$/s, ''));
  // yargs names a flag in camel case too.
  const wrong = flags.filter((flag) => names.includes(flag.replace(/^-+/, '')));
  if (wrong.length > 0) {
    const list = [...new Set(wrong)].join(', ');
    return { message: `there is no flag ${list}`, hint: flagsOf(commandOf(argv)) };
  }
  const command = commandOf(argv);
  if (names.includes(command.split(' ').at(-1)!))
    return { message: `there is no command "${command}"`, hint: commandsOf(argv) };
  const list = names.map((name) => JSON.stringify(name)).join(', ');
  if (command.includes(' ')) return { message: `${command} takes one file, not also ${list}` };
  const taken = POSITIONALS[argv[0]!];
  const hint = argv[0] === 'version' || taken ? undefined : `did you mean -f ${names[0]}?`;
  return { message: `${argv[0]} takes ${taken ?? 'flags only'}, not ${list}`, ...(hint && { hint }) };
}

/** What is not among the flags that were typed is a word, such as the shell of `completion`. */
function calledIn(argv: readonly string[], name: string): string {
  const isFlag = (argument: string): boolean =>
    argument.startsWith(flagName(name)) || argument === `-${name[0]}`;
  return argv.some(isFlag) ? flagName(name) : `the ${name}`;
}

function flagName(name: string): string {
  return name.length === 1 ? `-${name}` : `--${name}`;
}
