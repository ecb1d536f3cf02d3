import { parseDuration } from '../core/config/duration.ts';
import { mayCarryToken } from '../core/git/repository-url.ts';
import { isDnsLabel } from '../core/model/dns-label.ts';
import { nearNames } from '../core/model/near-names.ts';
import { type Problem, ProblemError } from '../core/model/problem.ts';
import {
  AGAINST,
  type Against,
  FAIL_ON,
  type FailOn,
  INPUTS,
  type InputDescription,
  type InputName,
  MODES,
  type Mode,
  STRATEGIES,
  type Strategy,
} from './input-table.ts';

/** The inputs as they were given, read and checked. Times in ms. */
export interface Inputs {
  mode: Mode;
  paths: string[];
  kustomize: boolean;
  namespace: string;
  manifestProject?: string;
  configProject?: string;
  configBranch?: string;
  agent?: string;
  entry?: string;
  strategy: Strategy;
  commit?: string;
  branch?: string;
  tag?: string;
  images: string[];
  environment?: string;
  wait: boolean;
  timeout: number;
  comment?: boolean;
  against?: Against;
  kubeContext?: string;
  agentServer?: string;
  agentId?: number;
  failOn: FailOn[];
  planFile?: string;
  reportPath: string;
  mergeRequest: boolean;
  force: boolean;
  gitlabUrl?: string;
  token?: string;
}

type Env = Readonly<Record<string, string | undefined>>;

const isProject = (value: string): boolean => /^[^/\s]+(\/[^/\s]+)+$/.test(value);
const isCommit = (value: string): boolean => /^[0-9a-f]{40}([0-9a-f]{24})?$/i.test(value);

/** Reads `INPUT_…`, as GitHub's runner and our GitLab components set it. Throws ProblemError with all that is wrong. */
export function readInputs(env: Env): Inputs {
  const reader = new Reader(env);
  const mode = reader.choice('mode', MODES) ?? 'diff';
  const inputs: Inputs = {
    mode,
    paths: reader.list('paths'),
    kustomize: reader.flag('kustomize') ?? false,
    namespace: reader.matching(
      'namespace',
      isDnsLabel,
      'a namespace is lower case letters, digits and dashes',
    )!,
    ...reader.optional('manifestProject', reader.matching('manifest_project', isProject, 'group/project')),
    ...reader.optional('configProject', reader.matching('config_project', isProject, 'group/project')),
    ...reader.optional('configBranch', reader.text('config_branch')),
    ...reader.optional(
      'agent',
      reader.matching('agent', isDnsLabel, 'lower case letters, digits and dashes'),
    ),
    ...reader.optional(
      'entry',
      reader.matching('entry', isDnsLabel, 'lower case letters, digits and dashes'),
    ),
    strategy: reader.choice('strategy', STRATEGIES) ?? 'none',
    ...reader.optional('commit', reader.matching('commit', isCommit, 'the full SHA')),
    ...reader.optional('branch', reader.text('branch')),
    ...reader.optional('tag', reader.text('tag')),
    images: reader.list('images'),
    ...reader.optional('environment', reader.text('environment')),
    wait: reader.flag('wait') ?? true,
    timeout: reader.duration('timeout'),
    ...reader.optional('comment', reader.flag('comment')),
    ...reader.optional('against', reader.choice('against', AGAINST)),
    ...reader.optional('kubeContext', reader.text('kube_context')),
    ...reader.optional('agentServer', reader.url('agent_server', 'https://kas.example.com/k8s-proxy')),
    ...reader.optional('agentId', reader.number('agent_id')),
    failOn: reader.choices('fail_on', FAIL_ON),
    ...reader.optional('planFile', reader.text('plan_file')),
    reportPath: reader.text('report_path')!,
    mergeRequest: reader.flag('merge_request') ?? false,
    force: reader.flag('force') ?? false,
    ...reader.optional('gitlabUrl', reader.url('gitlab_url', 'https://gitlab.example.com')),
    ...reader.optional('token', reader.text('token') ?? (env.GITLAB_AGENT_TOKEN?.trim() || undefined)),
  };
  reader.refuseUnknown();
  checkTogether(inputs, reader);
  reader.end();
  return inputs;
}

/** What one input asks of others. */
function checkTogether(inputs: Inputs, reader: Reader): void {
  const { mode, strategy, agent, configProject, environment } = inputs;
  const deploys = mode === 'deploy';
  if (!reader.given('mode')) reader.refuse('mode', 'is missing', `it is one of ${MODES.join(', ')}`);
  if (deploys && strategy === 'config' && configProject === undefined)
    reader.refuse('config_project', 'is missing', 'strategy config changes its config.yaml');
  if (deploys && strategy === 'config' && agent === undefined)
    reader.refuse('agent', 'is missing', 'strategy config changes the config.yaml of that agent');
  if (deploys && strategy !== 'config' && inputs.tag !== undefined)
    reader.refuse('tag', 'is for strategy config', 'leave it out');
  if (inputs.tag !== undefined && inputs.branch !== undefined)
    reader.refuse('tag', 'and branch exclude each other', 'leave one of the two out');
  const waits = mode === 'wait' || (deploys && inputs.wait);
  if (waits && agent === undefined && environment === undefined)
    reader.refuse('agent', 'is missing', 'name the agent to wait for, or the environment of its entry');
  if (inputs.images.length > 0 && !deploys) reader.refuse('images', 'is for mode deploy', 'leave it out');
  if (inputs.against === 'applied' && agent === undefined && environment === undefined)
    reader.refuse('agent', 'is missing', 'against applied asks what that agent applied');
  if (inputs.planFile !== undefined && inputs.against !== undefined && inputs.against !== 'live')
    reader.refuse('plan_file', 'is for a diff against a live cluster', 'leave it out, or say against: live');
  checkAgentServer(inputs, reader);
}

function checkAgentServer(inputs: Inputs, reader: Reader): void {
  const { mode, agentServer, agentId, kubeContext, against, agent, configProject } = inputs;
  if (agentServer === undefined) {
    if (agentId !== undefined) reader.refuse('agent_id', 'is for agent_server', 'leave it out');
    return;
  }
  const url = URL.parse(agentServer);
  if (url && !mayCarryToken(url))
    reader.refuse('agent_server', 'is not an https:// address', 'a job token is sent there');
  if (mode !== 'diff' || (against !== undefined && against !== 'live'))
    reader.refuse(
      'agent_server',
      'is for a diff against a live cluster',
      'leave it out, or say against: live',
    );
  if (kubeContext !== undefined)
    reader.refuse('agent_server', 'and kube_context exclude each other', 'leave one of the two out');
  if (agentId === undefined && (agent === undefined || configProject === undefined))
    reader.refuse('agent_id', 'is missing', 'name the agent by its number, or with agent and config_project');
}

class Reader {
  readonly #env: Env;
  readonly #problems: Problem[] = [];

  constructor(env: Env) {
    this.#env = env;
  }

  refuse(name: InputName, what: string, hint: string): void {
    this.#problems.push({ code: 'Usage', message: `input ${name} ${what}`, hint });
  }

  given(name: InputName): string | undefined {
    const value = this.#env[`INPUT_${name.toUpperCase()}`]?.trim();
    if (value === '' || value === undefined) return undefined;
    // A variable of GitLab that does not exist stays as it is written.
    if (/^\$(\w+|\{\w+\})$/.test(value)) {
      this.refuse(name, `is ${value}, a variable that is not set`, 'set it, or leave the input out');
      return undefined;
    }
    return value;
  }

  text(name: InputName): string | undefined {
    const value = this.given(name) ?? (INPUTS[name] as InputDescription).default;
    if (value !== undefined && /[\r\n\0]/.test(value)) this.refuse(name, 'has several lines', 'one is meant');
    return value;
  }

  matching(name: InputName, fits: (value: string) => boolean, hint: string): string | undefined {
    const value = this.text(name);
    if (value !== undefined && !fits(value)) this.refuse(name, `can't be ${JSON.stringify(value)}`, hint);
    return value;
  }

  /** Lines, or a list as GitLab writes inputs of the type array. */
  list(name: InputName): string[] {
    const value = this.given(name) ?? '';
    const items = value.startsWith('[') ? readArray(value) : undefined;
    return (items ?? value.split(/[\r\n]+/)).map((line) => line.trim()).filter(Boolean);
  }

  choice<T extends string>(name: InputName, choices: readonly T[]): T | undefined {
    const value = this.text(name);
    if (value === undefined || choices.includes(value as T)) return value as T | undefined;
    this.#refuseChoice(name, value, choices);
    return undefined;
  }

  choices<T extends string>(name: InputName, choices: readonly T[]): T[] {
    const values = this.list(name).flatMap((line) => line.split(/[\s,]+/).filter(Boolean));
    for (const value of values) if (!choices.includes(value as T)) this.#refuseChoice(name, value, choices);
    return values as T[];
  }

  #refuseChoice(name: InputName, value: string, choices: readonly string[]): void {
    this.refuse(name, `can't be ${JSON.stringify(value)}`, `it is one of ${choices.join(', ')}`);
  }

  /** A truth value as YAML 1.2 writes it. */
  flag(name: InputName): boolean | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    if (/^(true|True|TRUE)$/.test(value)) return true;
    if (!/^(false|False|FALSE)$/.test(value))
      this.refuse(name, `can't be ${JSON.stringify(value)}`, 'it is true or false');
    return false;
  }

  duration(name: InputName): number {
    const value = this.text(name)!;
    const ms = parseDuration(value) ?? 0;
    if (ms < 1000) this.refuse(name, `can't be ${JSON.stringify(value)}`, 'a duration such as 90s or 10m');
    return ms;
  }

  number(name: InputName): number | undefined {
    const value = this.text(name);
    if (value === undefined || /^[1-9]\d{0,14}$/.test(value))
      return value === undefined ? value : Number(value);
    this.refuse(name, `can't be ${JSON.stringify(value)}`, 'a number that is 1 or more');
    return undefined;
  }

  url(name: InputName, example: string): string | undefined {
    const value = this.text(name)?.replace(/\/+$/, '');
    const url = value === undefined ? undefined : URL.parse(value);
    if (value === undefined) return undefined;
    if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password)
      this.refuse(name, name === 'gitlab_url' ? 'is no URL of a GitLab' : 'is no URL', example);
    return value;
  }

  optional<K extends string, T>(key: K, value: T | undefined): Partial<Record<K, T>> {
    return value === undefined ? {} : ({ [key]: value } as Record<K, T>);
  }

  /** GitHub's runner only warns of inputs that do not exist, and a typing mistake there deploys something else. */
  refuseUnknown(): void {
    const known = new Set(Object.keys(INPUTS));
    for (const [variable, value] of Object.entries(this.#env)) {
      const name = /^INPUT_(.+)$/.exec(variable)?.[1]?.toLowerCase();
      if (name === undefined || known.has(name) || !value) continue;
      const near = nearNames(name, [...known])[0];
      this.#problems.push({
        code: 'Usage',
        message: `there is no input ${name}`,
        hint: near ? `did you mean ${near}?` : 'leave it out',
      });
    }
  }

  end(): void {
    const [first, ...more] = this.#problems;
    if (first) throw new ProblemError(first, ...more);
  }
}

function readArray(text: string): string[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value.map(String) : undefined;
  } catch {
    return undefined;
  }
}
