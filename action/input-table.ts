// What the step takes and gives: `action.yml`, `func.yml`, the components and docs/ci.md say the same, or a test fails.
export const MODES = ['diff', 'deploy', 'wait'] as const;
export type Mode = (typeof MODES)[number];

export const STRATEGIES = ['config', 'branch', 'none'] as const;
export type Strategy = (typeof STRATEGIES)[number];

export const FAIL_ON = ['delete', 'replace', 'unknown', 'any'] as const;
export type FailOn = (typeof FAIL_ON)[number];

export const AGAINST = ['base', 'applied', 'live'] as const;
export type Against = (typeof AGAINST)[number];

/** What an input is: `action.yml` and the GitLab components are held against this table by a test. */
export interface InputDescription {
  describe: string;
  default?: string;
}

/** All inputs, in the order in which they are documented. */
export const INPUTS = {
  mode: { describe: 'diff, deploy or wait.' },
  paths: {
    describe:
      "Files, directories or globs with manifests, one a line. Default: in diff those of the agent's entry, else all.",
  },
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
      'What diff compares with: base (of the merge request), applied (by the agent) or live. Default: live with a kube context or agent_server, else base in merge requests, else applied.',
  },
  kube_context: {
    describe: 'Context of KUBECONFIG for live. Default: that of the agent, else KUBE_CONTEXT.',
  },
  agent_server: {
    describe:
      "Address of the agent server for clusters' APIs: diff asks the agent's cluster there, with the job token.",
  },
  agent_id: {
    describe:
      'Number of the agent for agent_server. Default: that of agent in config_project, as GitLab says.',
  },
  fail_on: { describe: 'Fails diff where objects are: delete, replace, unknown, any; one a line.' },
  plan_file: { describe: 'File for the plan of diff against a live cluster, for apply --plan.' },
  report_path: {
    describe: 'Directory for the reports of diff and the dotenv file.',
    default: 'gitlab-agent-report',
  },
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
