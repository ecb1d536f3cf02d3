import { Code, ConnectError } from '@connectrpc/connect';
import { checkProject } from '../../core/config/checks.ts';
import { ConfigDocument, decodeConfig } from '../../core/config/document.ts';
import { map } from '../../core/config/map.ts';
import { isNull } from '../../core/config/scalar.ts';
import { FLAG, FOREIGN, type Item, list, type Type, text } from '../../core/config/types.ts';
import { type Problem, placeOf } from '../../core/model/problem.ts';

/** As whom an agent makes the requests of others: as itself, as somebody whom the file names, or as who they are. */
export type AccessAs =
  | { kind: 'agent' | 'ci_job' | 'user' }
  | {
      kind: 'impersonate';
      username: string;
      groups: string[];
      uid?: string;
      extra: { key: string; val: string[] }[];
    };

/** A project or group, by its full path, whose jobs or members may use the agent. */
export interface CiGrant {
  path: string;
  accessAs: AccessAs;
  /** To some environments, or to protected branches. */
  isLimited: boolean;
}

/** What an agent's config.yaml says of who may reach its cluster. */
export interface ConfiguredAccess {
  ci: { projects: CiGrant[]; groups: CiGrant[] };
  /** Undefined where the file has no `user_access`. */
  user?: { accessAs: AccessAs; projects: string[]; groups: string[] };
}

const MOST_BYTES = 128 * 1024;
/** As in GitLab: of projects, and of groups. */
const MOST_ENTRIES = 500;

const EMPTY = map({});
const PROJECT = text({ check: checkProject });
// A group of the top has no slash.
const GROUP = text({ check: (found) => checkProject(`${found}/x`) });

const IMPERSONATE = map({
  username: { type: text(), required: true, doc: '' },
  groups: { type: list(text()), default: [], doc: '' },
  uid: { type: text(), doc: '' },
  extra: {
    type: list(
      map({
        key: { type: text(), required: true, doc: '' },
        val: { type: list(text()), required: true, doc: '' },
      }),
    ),
    default: [],
    doc: '',
  },
});

const CI_ACCESS_AS = map({
  agent: { type: EMPTY, doc: '' },
  ci_job: { type: EMPTY, doc: '' },
  impersonate: { type: IMPERSONATE, doc: '' },
});

const ciGrants = (path: Type<string>) =>
  list(
    map({
      id: { type: path, required: true, doc: '' },
      // Of kubeconfigs that GitLab makes.
      default_namespace: { type: text(), doc: '' },
      access_as: { type: CI_ACCESS_AS, doc: '' },
      environments: { type: list(text()), doc: '' },
      protected_branches_only: { type: FLAG, doc: '' },
    }),
    { max: MOST_ENTRIES },
  );

const userGrants = (path: Type<string>) =>
  list(map({ id: { type: path, required: true, doc: '' } }), { max: MOST_ENTRIES });

const CI_ACCESS = map({
  projects: { type: ciGrants(PROJECT), default: [], doc: '' },
  groups: { type: ciGrants(GROUP), default: [], doc: '' },
});

const USER_ACCESS = map({
  access_as: { type: map({ agent: { type: EMPTY, doc: '' }, user: { type: EMPTY, doc: '' } }), doc: '' },
  projects: { type: userGrants(PROJECT), default: [], doc: '' },
  groups: { type: userGrants(GROUP), default: [], doc: '' },
});

/** The sections of the file that say it. What others say is none of their business. */
const FILE = map({
  ci_access: { type: CI_ACCESS, default: CI_ACCESS.empty, doc: '' },
  user_access: { type: USER_ACCESS, doc: '' },
  ...Object.fromEntries(
    [
      'gitops',
      'observability',
      'flux',
      'remote_development',
      'container_scanning',
      'starboard',
      'cilium',
    ].map((section) => [section, { type: FOREIGN, doc: '' }]),
  ),
});

/**
 * Reads who may reach a cluster. What it does not know it refuses: a key may have been meant to keep somebody out.
 * Throws ConnectError with the first place that is wrong.
 */
export function readConfiguredAccess(bytes: Uint8Array | undefined, file: string): ConfiguredAccess {
  const nothing = { ci: { projects: [], groups: [] } };
  if (!bytes) return nothing;
  const decoded = decodeConfig(bytes, file, MOST_BYTES);
  if (!('text' in decoded)) throw broken(decoded);
  const document = new ConfigDocument(decoded.text, file);
  const values = document.read((root) =>
    isNull(root) ? FILE.empty : FILE.read(root, 'the configuration', document),
  );
  const access = values && build(values as FileValues, document);
  const [problem] = document.problems;
  if (problem) throw broken(problem);
  return access ?? nothing;
}

type ValuesOf<T> = T extends Type<infer V> ? V : never;

interface FileValues {
  ci_access: Item<ValuesOf<typeof CI_ACCESS>>;
  user_access?: Item<ValuesOf<typeof USER_ACCESS>>;
}

function build({ ci_access, user_access }: FileValues, document: ConfigDocument): ConfiguredAccess {
  const grants = (items: Readonly<ValuesOf<ReturnType<typeof ciGrants>>>): CiGrant[] =>
    items.map(({ value: { id, access_as, environments, protected_branches_only } }) => ({
      path: id.value,
      accessAs: access_as ? ciAccessAs(access_as, document) : { kind: 'agent' },
      // Only GitLab knows a job's environment, and whether its branch is protected.
      isLimited: environments !== undefined || protected_branches_only?.value === true,
    }));
  const { projects, groups } = ci_access.value;
  const ci = { projects: grants(projects.value), groups: grants(groups.value) };
  if (!user_access) return { ci };
  const { access_as, ...people } = user_access.value;
  const given = Object.keys(access_as?.value ?? { agent: true }).filter(
    (kind) => !access_as || access_as.value[kind as 'agent' | 'user'] !== undefined,
  );
  if (given.length !== 1) document.report(access_as!.at, 'access_as has exactly one of agent, user');
  const paths = (items: Readonly<ValuesOf<ReturnType<typeof userGrants>>>): string[] =>
    items.map(({ value }) => value.id.value);
  return {
    ci,
    user: {
      accessAs: { kind: given[0] as 'agent' | 'user' },
      projects: paths(people.projects.value),
      groups: paths(people.groups.value),
    },
  };
}

function ciAccessAs({ value, at }: Item<ValuesOf<typeof CI_ACCESS_AS>>, document: ConfigDocument): AccessAs {
  const { agent, ci_job, impersonate } = value;
  if ([agent, ci_job, impersonate].filter(Boolean).length !== 1)
    document.report(at, 'access_as has exactly one of agent, ci_job, impersonate');
  if (!impersonate) return { kind: ci_job ? 'ci_job' : 'agent' };
  const { username, groups, uid, extra } = impersonate.value;
  return {
    kind: 'impersonate',
    username: username.value,
    groups: groups.value.map((group) => group.value),
    ...(uid && { uid: uid.value }),
    extra: extra.value.map(({ value: { key, val } }) => ({
      key: key.value,
      val: val.value.map((one) => one.value),
    })),
  };
}

function broken(problem: Problem): ConnectError {
  const message = `${placeOf(problem)}: ${problem.message}; until it is mended nobody may use the agent`;
  return new ConnectError(message, Code.FailedPrecondition);
}
