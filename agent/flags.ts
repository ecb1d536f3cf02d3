import { parseArgs } from 'node:util';
import { parseDuration } from '../core/config/duration.ts';
import { parseListenAddress } from '../core/daemon/listen.ts';
import type { ConnectionFlags } from '../core/kube/connection.ts';
import { CONNECTION_FLAGS } from '../core/kube/connection-flags.ts';
import { isDnsLabel } from '../core/model/dns-label.ts';
import { type Problem, ProblemError } from '../core/model/problem.ts';
import { type KasFlags, readKasFlags } from './kas/kas-flags.ts';

interface Flag {
  value?: string;
  default?: string;
  array?: boolean;
  describe: string;
}

const FLAGS = {
  'gitlab-url': { value: 'URL', describe: 'Where GitLab is, such as https://gitlab.example.com' },
  'config-project': {
    value: 'PATH',
    describe: 'Project that holds .gitlab/agents/NAME/config.yaml, such as group/agents',
  },
  'agent-name': { value: 'NAME', describe: 'Name of this agent: a DNS label' },
  'kas-address': {
    value: 'URL',
    describe:
      'Agent server to connect to, such as grpcs://HOST:PORT or wss://HOST/: it says who the agent is, and reads the repositories',
  },
  'token-file': { value: 'FILE', describe: "The agent's token for the agent server; else AGENTK_TOKEN" },
  'kas-header': {
    value: 'HEADER',
    array: true,
    describe: 'One more "Name: value" for the handshake of a WebSocket; may be repeated',
  },
  'kas-ca-cert-file': {
    value: 'FILE',
    describe: "PEM file with the authorities of the agent server's certificate",
  },
  'ca-cert-file': { value: 'FILE', describe: 'The same as --kas-ca-cert-file, by its old name' },
  'kas-tls-server-name': { value: 'NAME', describe: "Name in the agent server's certificate" },
  'kas-insecure-skip-tls-verify': { describe: 'Take any certificate of the agent server: for tests only' },
  'git-credentials-dir': {
    value: 'DIR',
    describe: 'Mounted Secret with token and username for reading repositories; read again when it changes',
  },
  'gitlab-api-token-file': {
    value: 'FILE',
    describe: 'Token with the scope api for commit statuses and deployments; without it nothing is reported',
  },
  'gitlab-ca-file': { value: 'FILE', describe: "PEM file with the authorities of GitLab's certificate" },
  'poll-interval': { value: 'DURATION', default: '20s', describe: 'Between two looks at a repository' },
  'observability-listen-address': {
    value: 'ADDRESS',
    default: ':8080',
    describe: 'Where /metrics, /liveness and /readiness are served',
  },
  'webhook-address': {
    value: 'ADDRESS',
    describe: "Listen for GitLab's push events, which only make the agent look at once",
  },
  'webhook-secret-file': { value: 'FILE', describe: "The webhook's secret token" },
  'status-target-url': { value: 'URL', describe: 'Where commit statuses link to' },
  'cache-dir': {
    value: 'DIR',
    describe: 'For bare repositories and discovery (default: a temporary directory)',
  },
  'log-level': {
    value: 'LEVEL',
    default: 'info',
    describe: 'debug, info, warn or error, until the configuration says one',
  },
  version: { describe: 'Print the version' },
  help: { describe: 'Print this help' },
} as const satisfies Record<string, Flag>;

/** The command line of the agent, read and checked. Durations in ms. */
export interface AgentFlags {
  /** These three are always there without an agent server, which says them otherwise. */
  gitlabUrl?: string;
  configProject?: string;
  agentName?: string;
  kas?: KasFlags;
  gitCredentialsDir?: string;
  gitlabApiTokenFile?: string;
  gitlabCaFile?: string;
  pollInterval: number;
  observabilityListenAddress: string;
  webhookAddress?: string;
  webhookSecretFile?: string;
  statusTargetUrl?: string;
  cacheDir?: string;
  logLevel: string;
  connection: ConnectionFlags;
}

/** The same once it is known who the agent is. */
export type SettledFlags = AgentFlags &
  Required<Pick<AgentFlags, 'gitlabUrl' | 'configProject' | 'agentName'>>;

const SHORTEST_POLL = 100;

/** Reads the arguments; `help` and `version` come back as such. Throws ProblemError with all that is wrong. */
export function readFlags(
  argv: readonly string[],
  hasTokenInEnvironment = false,
): AgentFlags | 'help' | 'version' {
  const values = parse(argv);
  if (values.help) return 'help';
  if (values.version) return 'version';
  const problems: Problem[] = [];
  const refuse = (message: string, hint?: string): void => {
    problems.push({ code: 'Usage', message, ...(hint && { hint }) });
  };
  const text = (name: keyof typeof FLAGS): string | undefined => {
    const flag: Flag = FLAGS[name];
    const value = values[name];
    if (Array.isArray(value)) return undefined;
    if (value === '') refuse(`the value of --${name} is empty`, 'is a variable not set?');
    return typeof value === 'string' ? value : flag.default;
  };
  const needed = (name: keyof typeof FLAGS, hint: string): string => {
    const value = text(name);
    if (value === undefined) refuse(`--${name} is missing`, hint);
    return value ?? '';
  };
  const kas = readKasFlags({ values, text, refuse, hasTokenInEnvironment });
  // What an agent server says need not be said here.
  const wanted = (name: keyof typeof FLAGS, hint: string): string | undefined =>
    kas ? text(name) : needed(name, hint);
  const gitlabUrl = wanted('gitlab-url', '--gitlab-url=https://gitlab.example.com');
  if (gitlabUrl && !/^https?:$/.test(URL.parse(gitlabUrl)?.protocol ?? ''))
    refuse(`--gitlab-url is no URL: ${JSON.stringify(gitlabUrl)}`, '--gitlab-url=https://gitlab.example.com');
  const configProject = wanted('config-project', '--config-project=group/agents');
  if (configProject && !/^[^/\s]+(\/[^/\s]+)+$/.test(configProject))
    refuse(`--config-project is no full path: ${JSON.stringify(configProject)}`, 'write it as group/project');
  const agentName = wanted('agent-name', '--agent-name=production');
  if (agentName && !isDnsLabel(agentName))
    refuse(
      `--agent-name can't be ${JSON.stringify(agentName)}`,
      'lower case letters, digits and dashes, at most 63, as GitLab names agents',
    );
  const interval = text('poll-interval')!;
  const pollInterval = parseDuration(interval) ?? 0;
  if (pollInterval < SHORTEST_POLL)
    refuse(`--poll-interval can't be ${JSON.stringify(interval)}`, 'a duration such as 20s or 1m30s');
  for (const name of ['observability-listen-address', 'webhook-address'] as const) {
    const address = text(name);
    if (address !== undefined && !isAddress(address))
      refuse(`--${name} can't be ${JSON.stringify(address)}`, 'HOST:PORT, or :PORT for all addresses');
  }
  const logLevel = text('log-level')!;
  if (!/^(debug|info|warn|error)$/.test(logLevel))
    refuse(`--log-level can't be ${JSON.stringify(logLevel)}`, 'it is one of debug, info, warn, error');
  const [webhookAddress, webhookSecretFile] = [text('webhook-address'), text('webhook-secret-file')];
  if ((webhookAddress === undefined) !== (webhookSecretFile === undefined))
    refuse(
      '--webhook-address and --webhook-secret-file belong together',
      'a webhook without a secret is for everyone',
    );
  if (problems.length > 0) throw new ProblemError(...problems);
  return {
    ...optional('gitlabUrl', gitlabUrl?.replace(/\/+$/, '')),
    ...optional('configProject', configProject),
    ...optional('agentName', agentName),
    ...(kas && { kas }),
    ...optional('gitCredentialsDir', text('git-credentials-dir')),
    ...optional('gitlabApiTokenFile', text('gitlab-api-token-file')),
    ...optional('gitlabCaFile', text('gitlab-ca-file')),
    pollInterval,
    observabilityListenAddress: text('observability-listen-address')!,
    ...optional('webhookAddress', webhookAddress),
    ...optional('webhookSecretFile', webhookSecretFile),
    ...optional('statusTargetUrl', text('status-target-url')),
    ...optional('cacheDir', text('cache-dir')),
    logLevel,
    connection: connectionOf(values),
  };
}

type Values = Record<string, string | boolean | (string | boolean)[] | undefined>;

function parse(argv: readonly string[]): Values {
  const own = Object.entries<Flag>(FLAGS).map(([name, { value, array }]) => [
    name,
    {
      type: value === undefined ? ('boolean' as const) : ('string' as const),
      ...(array && { multiple: true }),
    },
  ]);
  const connection = Object.entries(CONNECTION_FLAGS).map(([name, flag]) => [
    name,
    {
      type: flag.type === 'boolean' ? ('boolean' as const) : ('string' as const),
      ...('array' in flag && { multiple: true }),
      ...('alias' in flag && { short: flag.alias }),
    },
  ]);
  try {
    return parseArgs({ args: [...argv], options: Object.fromEntries([...connection, ...own]) }).values;
  } catch (error) {
    // Its sentences say which flag, and are for people.
    const message = (error as Error).message.split('. ')[0]!;
    throw new ProblemError({ code: 'Usage', message, hint: 'gitlab-agent --help lists the flags' });
  }
}

function connectionOf(values: Values): ConnectionFlags {
  const named = Object.keys(CONNECTION_FLAGS).flatMap((name) => {
    const value = values[name];
    const camel = name.replace(/-(.)/g, (_dash, letter: string) => letter.toUpperCase());
    return value === undefined || name === 'v' ? [] : [[camel, value]];
  });
  return Object.fromEntries(named) as ConnectionFlags;
}

function optional<K extends string>(name: K, value: string | undefined): Partial<Record<K, string>> {
  return value === undefined ? {} : ({ [name]: value } as Partial<Record<K, string>>);
}

function isAddress(address: string): boolean {
  try {
    parseListenAddress(address);
    return true;
  } catch {
    return false;
  }
}

/** `--help`, for a terminal of 80 columns. */
export function helpText(): string {
  const own = Object.entries<Flag>(FLAGS).map(([name, flag]) => helpLine(name, flag));
  const connection = Object.entries(CONNECTION_FLAGS)
    .filter(([name]) => name !== 'v')
    .map(([name, { type, describe }]) =>
      helpLine(name, { describe, ...(type === 'string' && { value: 'VALUE' }) }),
    );
  return `gitlab-agent: keeps a cluster in step with Git

usage: gitlab-agent --gitlab-url=URL --config-project=PATH --agent-name=NAME [flags]
       gitlab-agent --kas-address=URL --token-file=FILE [flags]

It follows .gitlab/agents/NAME/config.yaml and the manifest projects that are
named there, applies what they say, and reports to GitLab and to the cluster.
In a Pod it uses the service account; POD_NAME and POD_NAMESPACE say who it is.

Flags:
${own.join('\n')}

Connection to the cluster, as kubectl's:
${connection.join('\n')}
`;
}

function helpLine(name: string, { value, describe, default: preset }: Flag): string {
  const flag = `  --${name}${value ? `=${value}` : ''}`;
  const text = preset === undefined ? describe : `${describe} (default: ${preset})`;
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1)!;
    if (last && last.length + word.length + 1 > 72) lines.push(word);
    else lines[lines.length - 1] = last ? `${last} ${word}` : word;
  }
  return [flag, ...lines.map((line) => `        ${line}`)].join('\n');
}
