import {
  DEFAULT_GLOB,
  DEFAULT_MANIFEST,
  DRY_RUN_STRATEGIES,
  INVENTORY_POLICIES,
  LOG_LEVELS,
  type ManifestRef,
  PROPAGATION_POLICIES,
  REMOVAL_POLICIES,
} from '../model/agent-config.ts';
import { type Allowance, parseAllowance } from '../model/allowance.ts';
import { CONFLICT_POLICIES } from '../model/plan.ts';
import {
  checkCommit,
  checkDnsLabel,
  checkEnvironment,
  checkGlob,
  checkProject,
  checkRefName,
  checkUrl,
} from './checks.ts';
import { IGNORE_RULE } from './ignore-type.ts';
import { map, refine } from './map.ts';
import { choice, DEADLINE, duration, FLAG, FOREIGN, list, refused, type Type, text } from './types.ts';

// Every field of config.yaml. How it is read, what is said about mistakes, the JSON Schema and docs/configuration.md
// all come from here. Sources: GitLab's documentation and source of the agent, 13.4 to 16.x.

const HOUR_MS = 3_600_000;

/** Kinds whose deletion takes much with it; see the prune guards. */
const GUARDED_KINDS = [
  'Namespace',
  'CustomResourceDefinition',
  'PersistentVolume',
  'PersistentVolumeClaim',
  'StatefulSet',
] as const;

const REF: Type<ManifestRef> = refine(
  map({
    branch: {
      type: text({ check: checkRefName }),
      since: '15.7',
      doc: 'A branch, without `refs/heads/`.',
      example: 'production',
    },
    tag: {
      type: text({ check: checkRefName }),
      since: '15.7',
      doc: 'A tag, without `refs/tags/`.',
      example: 'v1.4.0',
    },
    commit: {
      type: text({ check: checkCommit }),
      since: '15.7',
      doc: 'A commit, with its whole SHA.',
      example: '3c0f4c7a1de14e1c8a3cd7b1e26f1c0f4c9f0b1e',
    },
  }),
  {
    schema: { minProperties: 1, maxProperties: 1 },
    read: ({ branch, tag, commit }, report, name) => {
      const given = Object.entries({ branch, tag, commit }).filter(([, item]) => item !== undefined);
      if (given.length > 1)
        return report(
          `${name} has ${given.map(([key]) => key).join(' and ')}`,
          'leave one of them',
          given[1]![1]!.at,
        );
      if (branch) return { branch: branch.value };
      if (tag) return { tag: tag.value };
      if (commit) return { commit: commit.value.toLowerCase() };
      return report(`${name} names no branch, tag or commit`, 'without ref the default branch is read');
    },
    write: (ref) => {
      const item = (value: string | undefined) => (value === undefined ? undefined : { value, at: 0 });
      const { branch, tag, commit }: { branch?: string; tag?: string; commit?: string } = ref;
      return { branch: item(branch), tag: item(tag), commit: item(commit) };
    },
  },
);

const PRUNE_LIMIT: Type<Allowance> = refine(
  text({
    numbers: true,
    words: 'number, or share such as `80%`',
    schema: { pattern: '^[0-9]{1,9}%?$', minimum: 0 },
  }),
  {
    read: (found, report, name) =>
      parseAllowance(found) ?? report(`${name} is a number or a share of up to 100%`, 'write 30, or 80%'),
    write: (allowance) => ('count' in allowance ? String(allowance.count) : `${allowance.percent}%`),
  },
);

const RESOURCES = list(
  map({
    api_groups: {
      type: list(text({ empty: 'text', words: 'names' }), { min: 1 }),
      since: '13.4',
      until: '14.0',
      required: true,
      doc: 'API groups; `""` is the core group, and `*` stands for any.',
      example: '[apps]',
    },
    kinds: {
      type: list(text({ words: 'names' }), { min: 1 }),
      since: '13.4',
      until: '14.0',
      required: true,
      doc: 'Kinds; `*` stands for any.',
      example: "['*']",
    },
  }),
);

const MANIFEST_PROJECT = map({
  id: {
    type: text({ numbers: true, empty: 'absent', check: checkProject, words: 'path or number of a project' }),
    since: '13.4',
    doc: 'The project with the manifests, by its full path. Its number works where the agent may ask the API of GitLab. Default: the project that holds this file.',
    example: 'shop/manifests',
  },
  url: {
    type: text({ check: checkUrl, words: 'URL', schema: { format: 'uri' } }),
    doc: 'A repository outside this GitLab, instead of `id`. Without credentials: those are in the Secret `gitlab-agent-git`. No commit statuses and no deployments are reported for it.',
    example: 'https://git.example.com/shop/manifests.git',
  },
  name: {
    type: text({ check: checkDnsLabel, words: 'DNS label' }),
    doc: 'What the entry is called in the cluster and in reports. It is the identity of the entry for ever: with another name it is another entry, and what the old one applied is treated by its `on_removal`. Default: the last part of the path and 8 hexadecimal digits that stand for all of it, `project-<number>` for a number. Two entries for one project need names.',
    example: 'shop',
  },
  ref: {
    type: REF,
    since: '15.7',
    doc: 'What is read of the repository: one of `branch`, `tag` and `commit`. Default: the default branch.',
    example: '{ branch: production }',
  },
  paths: {
    type: list(
      map({
        glob: {
          type: text({ check: checkGlob, words: 'glob' }),
          since: '13.7',
          required: true,
          doc: 'Files below the root of the repository: `*` and `?` within a name, `**` for directories, `[a-z]`, `{a,b}`. Files below directories whose names begin with a dot are left out. With `kustomize: true`, a directory.',
          example: 'environments/production/**/*.yaml',
        },
      }),
      { max: 100, unique: true },
    ),
    since: '13.7',
    doc: `The files to apply. Default: \`${DEFAULT_MANIFEST}\` at the root where there is one, as in 13.4 to 13.6, else \`${DEFAULT_GLOB}\`.`,
    example: '[{ glob: production/*.yaml }]',
  },
  kustomize: {
    type: FLAG,
    default: false,
    doc: 'Whether `paths` (default: the root) are directories with a `kustomization.yaml` to build. The image of the agent has to have kustomize.',
  },
  default_namespace: {
    type: text({ empty: 'absent', check: checkDnsLabel, words: 'DNS label' }),
    default: 'default',
    since: '13.5',
    doc: 'The namespace of objects that are in a namespace and name none. Unlike in GitLab, changing it changes nothing else: the record of what was applied stays where it is.',
    example: 'shop',
  },
  prune: {
    type: FLAG,
    default: true,
    since: '14.0',
    doc: 'Whether objects that left the repository are deleted from the cluster, with the guards of `kubectl gitlab-agent apply --prune`.',
  },
  prune_limit: {
    type: PRUNE_LIMIT,
    doc: 'How many objects one pass may delete, as a number or a share, even where that is more than half of 20 or more. What is beyond waits for somebody to allow it.',
    example: '80%',
  },
  prune_kinds: {
    type: list(choice(GUARDED_KINDS), { unique: true }),
    default: [],
    doc: 'Kinds that are deleted too although their deletion takes much with it.',
    example: '[StatefulSet]',
  },
  prune_timeout: {
    type: DEADLINE,
    default: HOUR_MS,
    since: '14.0',
    doc: 'How long to wait until deleted objects are gone.',
    example: '10m',
  },
  prune_propagation_policy: {
    type: choice(PROPAGATION_POLICIES),
    default: 'foreground' as const,
    since: '14.0',
    doc: 'How objects are deleted that own others: those first (`foreground`), afterwards (`background`), or not at all (`orphan`).',
  },
  reconcile_timeout: {
    type: DEADLINE,
    default: HOUR_MS,
    since: '14.0',
    doc: 'How long to wait until applied objects are healthy, for each wave of objects that others depend on. A new commit ends the wait.',
    example: '10m',
  },
  dry_run_strategy: {
    type: choice(DRY_RUN_STRATEGIES),
    default: 'none' as const,
    since: '14.0',
    doc: 'With `client` or `server` nothing is written: what would be is reported.',
  },
  inventory_policy: {
    type: choice(INVENTORY_POLICIES),
    default: 'adopt_if_no_inventory' as const,
    since: '14.0',
    doc: 'What becomes of objects that exist already. `must_match`: only those that this entry applied before are touched. `adopt_if_no_inventory`: those that belong to nobody too. `adopt_all`: also those that belong to another entry or tool. The default of GitLab was `must_match`.',
  },
  conflicts: {
    type: choice(CONFLICT_POLICIES),
    default: 'take' as const,
    doc: 'What becomes of fields that somebody else set to another value: `take` them, `fail` the object, or `keep` them as they are.',
  },
  ignore: {
    type: list(IGNORE_RULE),
    default: [],
    doc: 'Fields that are left to others: the same rules as in the file of `kubectl gitlab-agent diff --ignore-file`.',
    example: '[{ kind: Deployment, name: web, paths: [spec.replicas] }]',
  },
  interval: {
    type: duration({ least: 10_000 }),
    default: 300_000,
    doc: 'How often the cluster is compared with the applied revision, and drift repaired. At least `10s`.',
    example: '1h',
  },
  suspend: {
    type: FLAG,
    default: false,
    doc: 'Whether the entry rests: nothing is applied, deleted or repaired.',
  },
  depends_on: {
    type: list(text({ check: checkDnsLabel, words: 'names' }), { unique: true }),
    default: [],
    doc: 'Names of entries of this file that have to be synced and healthy before this one is applied.',
    example: '[platform]',
  },
  on_removal: {
    type: choice(REMOVAL_POLICIES),
    default: 'orphan' as const,
    doc: 'What becomes of the objects when the entry is removed from this file: `orphan` leaves them as they are, as GitLab did; `prune` deletes them.',
  },
  environment: {
    type: text({ check: checkEnvironment, words: 'name of an environment' }),
    doc: 'The environment of the project in GitLab for which a deployment is recorded with each applied revision.',
    example: 'production',
  },
  resource_inclusions: {
    type: RESOURCES,
    default: [],
    since: '13.4',
    until: '14.0',
    doc: 'Kinds that are watched and pruned although they are excluded, by this file or by themselves.',
    example: "[{ api_groups: [''], kinds: [Endpoints] }]",
  },
  resource_exclusions: {
    type: RESOURCES,
    default: [],
    since: '13.4',
    until: '14.0',
    doc: 'Kinds that are neither watched nor pruned, so that the agent needs no rights to list them. Always excluded: all of `events.k8s.io` and `metrics.k8s.io`, `Event`, `Node`, `Endpoints`, `Lease` and `EndpointSlice`.',
    example: "[{ api_groups: ['*'], kinds: [Secret] }]",
  },
});

/** Sections of GitLab's own agent. */
export const FOREIGN_SECTIONS = [
  'ci_access',
  'user_access',
  'flux',
  'remote_development',
  'container_scanning',
  'starboard',
  'cilium',
] as const;

const FOREIGN_FIELD = { type: FOREIGN, doc: "Belongs to GitLab's own agent: left alone, with a notice." };
const foreign = (since: string, until?: string) => ({ ...FOREIGN_FIELD, since, ...(until && { until }) });

const access = (since: string, who: string) => ({
  type: FOREIGN,
  since,
  doc: `Which ${who} reach the cluster through an agent server. The agent leaves it alone, with a notice.`,
});

const GITOPS = map({
  manifest_projects: {
    type: list(MANIFEST_PROJECT),
    default: [],
    since: '13.4',
    doc: 'What to apply: one entry for each repository, or part of one.',
    example: '[{ id: shop/manifests }]',
  },
  charts: {
    type: refused(
      'is not supported: Helm charts are not installed',
      'render the chart (helm template) into a manifest project',
    ),
    since: '15.4',
    until: '16.3',
    doc: 'Helm charts are not installed: render them (`helm template`) into a manifest project.',
  },
});

const LOGGING = map({
  level: {
    type: choice(LOG_LEVELS),
    default: 'info' as const,
    since: '13.6',
    doc: 'How much the agent logs. Changes take effect at once.',
  },
  grpc_level: {
    type: choice(LOG_LEVELS),
    default: 'error' as const,
    since: '15.1',
    doc: 'The same for the connection to an agent server.',
  },
});

const OBSERVABILITY = map({
  logging: { type: LOGGING, default: LOGGING.empty, since: '13.6', doc: 'The log of the agent.' },
  google_profiler: foreign('16.5'),
});

/** The whole file. */
export const CONFIGURATION_FILE = map({
  gitops: { type: GITOPS, default: GITOPS.empty, since: '13.4', doc: 'What the agent applies.' },
  observability: {
    type: OBSERVABILITY,
    default: OBSERVABILITY.empty,
    since: '13.6',
    doc: 'What the agent tells of itself.',
  },
  ci_access: access('14.2', 'jobs'),
  user_access: access('15.10', 'people'),
  flux: foreign('16.1'),
  remote_development: foreign('15.11'),
  container_scanning: foreign('15.4'),
  starboard: foreign('15.0', '16.1'),
  cilium: foreign('13.8', '15.0'),
});

type TypeOf<T> = T extends Type<infer V> ? V : never;
export type FileValues = TypeOf<typeof CONFIGURATION_FILE>;
export type ProjectValues = TypeOf<typeof MANIFEST_PROJECT>;
