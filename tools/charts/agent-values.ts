import {
  imageValues,
  MONITOR_VALUES,
  PLACEMENT_VALUES,
  SECURITY_VALUES,
  serviceAccountValues,
} from './common-values.ts';
import { choice, count, flag, group, object, objects, pairs, text, texts, type Values } from './value.ts';

// Every value of the chart gitlab-agent. Names are those of GitLab's own chart where it has the value.

/** The chart gitlab-agent. */
export const AGENT_VALUES: Values = {
  config: group(
    'What the agent is told. With `kasAddress` it needs no Git credential, else it reads Git itself.',
    {
      kasAddress: text(
        'Address of an agent server: `grpcs://kas.example.com:8150`, `wss://kas.example.com`, and `grpc` and `ws` within a cluster.',
        '',
        { pattern: '^((grpcs?|wss?)://.+)?$' },
      ),
      token: text(
        "The agent's token for the agent server. A release keeps values in a Secret: `secretName` keeps it out of there.",
      ),
      secretName: text('A Secret with that token under the key `token`, in the place of `token`.'),
      kasHeaders: texts('More headers for the handshake of a WebSocket: `- "Name: value"`.'),
      kasCaCert: text("PEM with the authorities of the agent server's certificate."),
      agentName: text(
        'Name of the agent. An agent server says it otherwise; without one it has to be said.',
        '',
        { pattern: '^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)?$' },
      ),
      configProject: text(
        'Path of the project with `.gitlab/agents/NAME/config.yaml`, such as `group/agents`. As with `agentName`.',
      ),
      gitlabUrl: text('Where GitLab is: `https://gitlab.example.com`. As with `agentName`.', '', {
        pattern: '^(https?://.+)?$',
      }),
      gitlabCaCert: text("PEM with the authorities of GitLab's certificate."),
      gitSecretName: text(
        'Without an agent server: a Secret with `token` and `username` for reading repositories, and `group__project.token` for single ones. It may be made later.',
        'gitlab-agent-git',
        { minLength: 1 },
      ),
      apiSecretName: text(
        'A Secret with a `token` of the scope `api` for commit statuses. Without it nothing is reported. It may be made later.',
        'gitlab-agent-api',
        { minLength: 1 },
      ),
    },
  ),
  rbac: group('What the agent may do with what it syncs; whoever can change the manifests can do as much.', {
    create: flag('Whether the chart makes Roles and bindings. Without them the agent can do nothing.', true),
    useExistingRole: text('A ClusterRole to bind in the place of those of `mode`.'),
    mode: choice(
      '`cluster`: read and write everything, grant nothing. `namespaces`: the usual kinds in `namespaces`. `escalate`: grant, too, which equals cluster-admin.',
      ['cluster', 'namespaces', 'escalate'],
    ),
    impersonate: flag(
      'Whether the agent may act as the people and jobs that come through an agent server (`access_as` in `config.yaml`): equals cluster-admin.',
      false,
    ),
    namespaces: texts('For `mode: namespaces`. They have to be there.'),
  }),
  ...serviceAccountValues('The ServiceAccount that has these rights.'),
  replicas: count('How many Pods. One works, the others stand by and take over within 15 seconds.', 1),
  ...imageValues('gitlab-agent', 'docker build -f deploy/Dockerfile .'),
  resources: object('Resources of the container.', {
    requests: { cpu: '50m', memory: '128Mi' },
    limits: { memory: '512Mi' },
  }),
  ...SECURITY_VALUES,
  podAnnotations: pairs('Annotations of the Pods.', {
    'prometheus.io/scrape': 'true',
    'prometheus.io/path': '/metrics',
    'prometheus.io/port': '8080',
  }),
  podLabels: pairs('More labels of the Pods.'),
  extraArgs: texts('More arguments of the agent: `gitlab-agent --help` lists them.'),
  extraEnv: objects('More of its environment, such as `HTTPS_PROXY`.'),
  ...PLACEMENT_VALUES,
  networkPolicy: group('Who may connect to the agent. It connects to others as it needs.', {
    enabled: flag('Whether nothing but the port for probes and metrics can be reached.', true),
  }),
  ...MONITOR_VALUES,
};
