import { parseArgs } from 'node:util';
import { checkDnsLabel, checkProject } from '../core/config/checks.ts';
import { type Problem, ProblemError } from '../core/model/problem.ts';
import { checkProjects } from './access/registry-file.ts';
import type { NewToken } from './tokens.ts';

/** What the command line asks for. */
export type Command =
  | { command: 'help' | 'version' }
  | { command: 'run'; configurationFile: string }
  | { command: 'token create'; registry: string; token: NewToken }
  | { command: 'token list'; registry: string }
  | { command: 'token revoke'; registry: string; id: number };

export const HELP = `gitlab-agent-server: accepts the connections of agents and sends them what to apply

usage: gitlab-agent-server --configuration-file=FILE
       gitlab-agent-server token create --registry=FILE --agent=NAME --project=PATH
                           [--allow=PATH]... [--name=NAME]
       gitlab-agent-server token list --registry=FILE
       gitlab-agent-server token revoke --registry=FILE ID

Without a command it serves until it gets SIGTERM.

Flags:
  --configuration-file=FILE
        docs/server-configuration.md has all fields
  --registry=FILE
        The file of agent.registry_file; token create makes it
  --agent=NAME
        Name of the agent: a DNS label
  --project=PATH
        Its configuration project: the one with .gitlab/agents/NAME/config.yaml
  --allow=PATH
        Another project that the agent may read, or all of a group: group/**
  --name=NAME
        What the token is for (default: default)
  --version
        Print the version
  --help
        Print this help

token create prints the token once, on standard output; the registry has a
salted hash of it only.
`;

const OPTIONS = {
  'configuration-file': { type: 'string' },
  registry: { type: 'string' },
  agent: { type: 'string' },
  project: { type: 'string' },
  allow: { type: 'string', multiple: true },
  name: { type: 'string' },
  version: { type: 'boolean' },
  help: { type: 'boolean' },
} as const;

const ALLOWED: Record<string, readonly string[]> = {
  run: ['configuration-file'],
  'token create': ['registry', 'agent', 'project', 'allow', 'name'],
  'token list': ['registry'],
  'token revoke': ['registry'],
};

/** Reads the arguments. Throws ProblemError with all that is wrong. */
export function readCommandLine(argv: readonly string[]): Command {
  const { values, positionals } = parse(argv);
  if (values.help) return { command: 'help' };
  if (values.version) return { command: 'version' };
  const problems: Problem[] = [];
  const refuse = (message: string, hint = 'gitlab-agent-server --help lists the flags'): void => {
    problems.push({ code: 'Usage', message, hint });
  };
  const needed = (name: 'configuration-file' | 'registry' | 'agent' | 'project'): string => {
    const value = values[name] ?? '';
    if (value === '') refuse(`--${name} is ${values[name] === undefined ? 'missing' : 'empty'}`);
    return value;
  };
  const isToken = positionals[0] === 'token';
  const command = isToken ? `token ${positionals[1] ?? ''}` : 'run';
  const rest = positionals.slice(isToken ? 2 : 0);
  const allowed = ALLOWED[command];
  if (!allowed) refuse(`there is no command ${JSON.stringify(command.trim())}`);
  else
    for (const name of Object.keys(values))
      if (!allowed.includes(name)) refuse(`--${name} has no meaning for ${command}`);
  const most = command === 'token revoke' ? 1 : 0;
  if (rest.length > most) refuse(`${JSON.stringify(rest[most])} is too much`);
  const result = ((): Command => {
    if (command === 'run') return { command, configurationFile: needed('configuration-file') };
    const registry = needed('registry');
    if (command === 'token list') return { command, registry };
    if (command === 'token revoke') {
      if (!/^[1-9]\d{0,9}$/.test(rest[0] ?? ''))
        refuse('which token? its number is missing', 'token list shows them');
      return { command, registry, id: Number(rest[0]) };
    }
    const token = {
      agent: needed('agent'),
      project: needed('project'),
      projects: values.allow ?? [],
      name: values.name ?? 'default',
    };
    const check = (
      flag: string,
      value: string,
      rule: (text: string) => { message: string; hint?: string } | undefined,
    ) => {
      const fault = value === '' ? undefined : rule(value);
      if (fault) refuse(`--${flag} ${JSON.stringify(value)} ${fault.message}`, fault.hint);
    };
    check('agent', token.agent, checkDnsLabel);
    check('project', token.project, (text) =>
      /^\d+$/.test(text) ? { message: 'is a number', hint: 'write group/project' } : checkProject(text),
    );
    for (const path of token.projects) check('allow', path, checkProjects);
    return { command: 'token create', registry, token };
  })();
  if (problems.length > 0) throw new ProblemError(...problems);
  return result;
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    // Its sentences say which flag, and are for people.
    const message = (error as Error).message.split('. ')[0]!;
    throw new ProblemError({ code: 'Usage', message, hint: 'gitlab-agent-server --help lists the flags' });
  }
}
