import { parseDuration } from '../core/config/duration.ts';
import { nearNames } from '../core/model/near-names.ts';
import { type Problem, ProblemError } from '../core/model/problem.ts';

export const MODES = ['diff', 'deploy', 'wait'] as const;
export type Mode = (typeof MODES)[number];

export const STRATEGIES = ['config', 'branch', 'none'] as const;
export type Strategy = (typeof STRATEGIES)[number];

export const FAIL_ON = ['delete', 'replace', 'unknown', 'any'] as const;
export type FailOn = (typeof FAIL_ON)[number];

export const AGAINST = ['base', 'applied', 'live'] as const;
export type Against = (typeof AGAINST)[number];

/** What an input is: `action.yml` and the GitLab components are held against this table by a test. */
interface InputDescription {
  describe: string;
  default?: string;
}

/** All inputs, in the order in which they are documented. */
export const INPUTS = {
  mode: { describe: 'diff, deploy or wait.' },
  paths: { describe: "Files, directories or globs with manifests, one a line. Default: the agent's own." },
  kustomize: { describe: 'Whether paths are kustomizations.', default: 'false' },
  namespace: { describe: 'For manifests that name none.', default: 'default' },
  manifest_project: { describe: "Path of the project with the manifests. Default: the pipeline's project." },
  config_project: { describe: 'Path of the project with .gitlab/agents/AGENT/config.yaml.' },
  config_branch: { describe: 'Branch of the configuration project. Default: its default branch.' },
  agent: { describe: 'Name of the agent.' },
  entry: { describe: "Name of the agent's entry, where it has several of the manifest project." },
  strategy: {
    describe: 'How deploy points the agent: config (ref of its config.yaml), branch (a git push) or none.',
    default: 'none',
  },
  commit: { describe: "Full SHA in the manifest project. Default: the pipeline's commit." },
  branch: {
    describe:
      'Branch that the agent follows. With strategy config: the branch to point at instead of a commit.',
  },
  tag: { describe: 'With strategy config: the tag to point at instead of a commit.' },
  images: {
    describe:
      'Images to set in the manifests before pointing: NAME:TAG, NAME@DIGEST, OLD=NEW:TAG, one a line.',
  },
  environment: {
    describe: 'Environment of the entry: waits by its deployments, for which a job token is enough.',
  },
  wait: { describe: 'Whether deploy waits until the agent has applied the commit.', default: 'true' },
  timeout: { describe: 'How long to point and wait, such as 90s or 10m.', default: '10m' },
  comment: {
    describe: 'Whether diff writes its note on the merge request. Default: true where the token may.',
  },
  against: {
    describe:
      'What diff compares with: base (of the merge request), applied (by the agent) or live. Default: live with a kube context, else base in merge requests, else applied.',
  },
  kube_context: {
    describe: 'Context of KUBECONFIG for live. Default: that of the agent, else KUBE_CONTEXT.',
  },
  fail_on: { describe: 'Fails diff where objects are: delete, replace, unknown, any; one a line.' },
  plan_file: { describe: 'File for the plan of diff against a live cluster, for apply --plan.' },
  report_path: { describe: 'Directory for the reports of diff.', default: 'gitlab-agent-report' },
  merge_request: {
    describe: 'Whether a merge request is opened where the branch of the configuration is protected.',
    default: 'false',
  },
  force: { describe: 'Whether strategy branch may move the branch back or aside.', default: 'false' },
  gitlab_url: { describe: "Where GitLab is. Default: the pipeline's GitLab." },
  token: {
    describe:
      'Access token. Default: the variable GITLAB_AGENT_TOKEN, else the job token, which reads deployments.',
  },
} as const satisfies Record<string, InputDescription>;

/** All outputs, likewise. In GitLab they are the variables `GITLAB_AGENT_…` of a dotenv report. */
export const OUTPUTS = {
  has_changes: 'diff: true where objects would change, or where that could not be told.',
  unknown: 'diff: how many objects could not be told.',
  delete: 'diff: how many would be deleted.',
  replace: 'diff: how many would be deleted and created again.',
  create: 'diff: how many would be created.',
  update: 'diff: how many would be changed.',
  skip: 'diff: how many are left alone.',
  unchanged: 'diff: how many are as they should be.',
  report_path: 'diff: directory with diff.md, diff.html, diff.json and codequality.json.',
  note_url: 'diff: the note on the merge request.',
  commit: 'The commit that was compared, pointed at or applied.',
  status:
    'deploy, wait: success, failed, superseded, timeout, unknown; pointed or proposed where nothing is waited for.',
  applied_at: 'deploy, wait: when the agent had applied it (RFC 3339).',
  merge_request_url: 'deploy: the merge request that was opened in the configuration project.',
} as const;

export type InputName = keyof typeof INPUTS;

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
  failOn: FailOn[];
  planFile?: string;
  reportPath: string;
  mergeRequest: boolean;
  force: boolean;
  gitlabUrl?: string;
  token?: string;
}

type Env = Readonly<Record<string, string | undefined>>;

const LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const PROJECT = /^[^/\s]+(\/[^/\s]+)+$/;

/** Reads `INPUT_…`, as GitHub's runner and our GitLab components set it. Throws ProblemError with all that is wrong. */
export function readInputs(env: Env): Inputs {
  const reader = new Reader(env);
  const mode = reader.choice('mode', MODES) ?? 'diff';
  const inputs: Inputs = {
    mode,
    paths: reader.list('paths'),
    kustomize: reader.flag('kustomize') ?? false,
    namespace: reader.matching('namespace', LABEL, 'a namespace is lower case letters, digits and dashes')!,
    ...reader.optional('manifestProject', reader.matching('manifest_project', PROJECT, 'group/project')),
    ...reader.optional('configProject', reader.matching('config_project', PROJECT, 'group/project')),
    ...reader.optional('configBranch', reader.text('config_branch')),
    ...reader.optional('agent', reader.matching('agent', LABEL, 'lower case letters, digits and dashes')),
    ...reader.optional('entry', reader.matching('entry', LABEL, 'lower case letters, digits and dashes')),
    strategy: reader.choice('strategy', STRATEGIES) ?? 'none',
    ...reader.optional('commit', reader.matching('commit', /^[0-9a-f]{40}([0-9a-f]{24})?$/i, 'the full SHA')),
    ...reader.optional('branch', reader.text('branch')),
    ...reader.optional('tag', reader.text('tag')),
    images: reader.list('images'),
    ...reader.optional('environment', reader.text('environment')),
    wait: reader.flag('wait') ?? true,
    timeout: reader.duration('timeout'),
    ...reader.optional('comment', reader.flag('comment')),
    ...reader.optional('against', reader.choice('against', AGAINST)),
    ...reader.optional('kubeContext', reader.text('kube_context')),
    failOn: reader.choices('fail_on', FAIL_ON),
    ...reader.optional('planFile', reader.text('plan_file')),
    reportPath: reader.text('report_path')!,
    mergeRequest: reader.flag('merge_request') ?? false,
    force: reader.flag('force') ?? false,
    ...reader.optional('gitlabUrl', reader.url('gitlab_url')),
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

  matching(name: InputName, pattern: RegExp, hint: string): string | undefined {
    const value = this.text(name);
    if (value !== undefined && !pattern.test(value))
      this.refuse(name, `can't be ${JSON.stringify(value)}`, hint);
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

  url(name: InputName): string | undefined {
    const value = this.text(name)?.replace(/\/+$/, '');
    const url = value === undefined ? undefined : URL.parse(value);
    if (value === undefined) return undefined;
    if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password)
      this.refuse(name, 'is no URL of a GitLab', 'https://gitlab.example.com');
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
