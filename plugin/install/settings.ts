/** What an agent may do with what it syncs; in its own namespace it always has what it needs for itself. */
export type Rights =
  /** Read and write everything, but grant nothing that it does not have itself. */
  | { mode: 'cluster' }
  /** Also grant: equals cluster-admin. */
  | { mode: 'escalate' }
  /** Read and write the usual kinds in these namespaces, and nothing else. */
  | { mode: 'namespaces'; namespaces: readonly string[] }
  /** Read and write the kinds that manifests are of, where they are. */
  | { mode: 'generated'; rules: PlacedRules };

export interface PolicyRule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
}

/** Rules by namespace; those of the whole cluster are under ''. */
export type PlacedRules = ReadonlyMap<string, readonly PolicyRule[]>;

/** An installation of the agent, as far as it is no secret. */
export interface InstallSettings {
  namespace: string;
  agentName: string;
  /** Always there without an agent server, which says it otherwise. */
  gitlabUrl?: string;
  /** Path of the configuration project; the same. */
  configProject?: string;
  /** The agent server that the agent connects to. */
  kas?: KasSettings;
  image: string;
  replicas: number;
  rights: Rights;
  /** PEM of the authorities of GitLab's certificate, where the machine's own do not do. */
  ca?: string;
}

export interface KasSettings {
  /** As it was given: `grpcs://kas.example.com:8150`. */
  address: string;
  /** Whether the agent may act as the people and jobs that come through it (`access_as`): equals cluster-admin. */
  impersonates: boolean;
  /** PEM of the authorities of its certificate, where the machine's own do not do. */
  ca?: string;
}

/** Names of the Secrets that the Deployment mounts, each with what it is for. */
export const SECRETS = {
  git: 'gitlab-agent-git',
  api: 'gitlab-agent-api',
  agent: 'gitlab-agent-token',
} as const;

/** A ConfigMap with the authorities of a certificate: its name and key, where it is mounted, and the agent's flag. */
export interface Authorities {
  name: string;
  key: string;
  directory: string;
  volume: string;
  flag: string;
}

/** Those of GitLab's certificate. */
export const CA: Authorities = {
  name: 'gitlab-agent-ca',
  key: 'ca.crt',
  directory: '/etc/gitlab-agent/ca',
  volume: 'gitlab-ca',
  flag: 'gitlab-ca-file',
};

/** Those of an agent server's certificate. */
export const KAS_CA: Authorities = {
  name: 'gitlab-agent-kas-ca',
  key: 'ca.crt',
  directory: '/etc/gitlab-agent/kas-ca',
  volume: 'kas-ca',
  flag: 'kas-ca-cert-file',
};

/** The ConfigMap that keeps all objects of an installation together. */
export const INSTALL_SET = 'gitlab-agent-install';
export const USUAL_NAMESPACE = 'gitlab-agent';

/** Where the Secret with an agent token says which one that is. */
export const TOKEN_ID_ANNOTATION = 'agent.gitlab.com/token-id';

/** Where the Deployment says what rights were asked for, for the next upgrade. */
export const RIGHTS_ANNOTATION = 'agent.gitlab.com/rbac';

/** Where it says that the agent may act as others. */
export const IMPERSONATE_ANNOTATION = 'agent.gitlab.com/impersonate';

/** `cluster`, `namespaces=shop,web`: as `--rbac` takes it. */
export function rightsText(rights: Rights): string {
  return rights.mode === 'namespaces' ? `namespaces=${rights.namespaces.join(',')}` : rights.mode;
}
