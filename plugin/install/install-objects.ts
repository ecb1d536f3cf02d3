import { Collector } from '../../core/manifest/load.ts';
import { DEFAULT_LIMITS } from '../../core/manifest/read.ts';
import { dig, type Json, type JsonObject } from '../../core/model/json.ts';
import type { Manifest } from '../../core/model/manifest.ts';
import { ProblemError } from '../../core/model/problem.ts';
import type { DeployFiles } from './deploy-files.ts';
import {
  type Authorities,
  CA,
  IMPERSONATE_ANNOTATION,
  type InstallSettings,
  KAS_CA,
  type PolicyRule,
  RIGHTS_ANNOTATION,
  rightsText,
  USUAL_NAMESPACE,
} from './settings.ts';

/** The objects of an installation; the Namespace is apart, for it can be no member of a set that lives in it. */
export interface InstallObjects {
  namespace: Manifest;
  members: Manifest[];
}

/** What an installation applies, apart from Secrets: the files of deploy/, with what the settings say. */
export function installObjects(files: DeployFiles, settings: InstallSettings): InstallObjects {
  const { namespace: within } = settings;
  const base = [
    ...read(files, 'deploy/base/service-account.yaml'),
    ...read(files, 'deploy/base/role.yaml'),
    ...rolesFor(files, settings),
    ...(settings.kas?.impersonates ? read(files, 'deploy/impersonate/cluster-role.yaml') : []),
  ];
  const deployments = read(files, 'deploy/base/deployment.yaml').map((one) => edited(one, settings));
  const usual = within === USUAL_NAMESPACE;
  return {
    namespace: namespaceManifest(files, within),
    members: [
      ...base.map((one) => placed(one, within, !usual)),
      ...authoritiesOf(settings).map(([which, pem]) => authorities(which, pem, within)),
      ...deployments.map((one) => placed(one, within, false)),
    ],
  };
}

/** The Namespace of an agent. */
export function namespaceManifest(files: DeployFiles, name: string): Manifest {
  const [namespace] = read(files, 'deploy/base/namespace.yaml');
  const copy = copyOf(namespace!);
  copy.id.name = name;
  copy.object.metadata.name = name;
  return copy;
}

type File = keyof DeployFiles;

function read(files: DeployFiles, file: File): Manifest[] {
  const collector = new Collector(DEFAULT_LIMITS);
  collector.addBytes(file, Buffer.from(files[file]), true);
  if (collector.problems.length > 0) throw new ProblemError(...collector.problems);
  return collector.manifests;
}

function rolesFor(files: DeployFiles, { rights, namespace }: InstallSettings): Manifest[] {
  if (rights.mode === 'cluster') return read(files, 'deploy/cluster/cluster-roles.yaml');
  if (rights.mode === 'escalate')
    return [
      ...read(files, 'deploy/cluster/cluster-roles.yaml'),
      ...read(files, 'deploy/escalate/cluster-role.yaml'),
    ];
  const inNamespace = read(files, 'deploy/namespaces/role-in-namespace.yaml');
  if (rights.mode === 'namespaces')
    return [
      ...rights.namespaces.flatMap((name) => inNamespace.map((one) => moved(one, name))),
      ...read(files, 'deploy/namespaces/role-to-list.yaml').map((one) => moved(one, namespace)),
    ];
  return [...rights.rules].flatMap(([name, rules]) =>
    inNamespace.map((one) => withRules(name === '' ? clusterWide(one) : moved(one, name), rules)),
  );
}

/** A copy whose parts may be changed. */
function copyOf({ id, object, source }: Manifest): Manifest {
  return { id: { ...id }, object: structuredClone(object), source };
}

function moved(manifest: Manifest, namespace: string): Manifest {
  const copy = copyOf(manifest);
  copy.id.namespace = namespace;
  copy.object.metadata.namespace = namespace;
  return copy;
}

function withRules(manifest: Manifest, rules: readonly PolicyRule[]): Manifest {
  if (manifest.object.rules === undefined) return manifest;
  const copy = copyOf(manifest);
  copy.object.rules = structuredClone(rules) as unknown as Json;
  return copy;
}

/** The same for what is in no namespace. */
function clusterWide(manifest: Manifest): Manifest {
  const { id, object, source } = copyOf(manifest);
  const { namespace: _namespace, ...metadata } = object.metadata;
  const { namespace: _within, ...rest } = id;
  const roleRef = object.roleRef as JsonObject | undefined;
  return {
    id: { ...rest, kind: `Cluster${id.kind}` },
    object: {
      ...object,
      kind: `Cluster${id.kind}`,
      metadata: { ...metadata, name: id.name },
      ...(roleRef && { roleRef: { ...roleRef, kind: 'ClusterRole' } }),
    },
    source,
  };
}

/** Where deploy/ mounts the agent's token for an agent server. */
const TOKEN_FILE = '/config/token';

/** The kinds of deploy/ that are in no namespace. */
const CLUSTER_WIDE = new Set(['ClusterRole', 'ClusterRoleBinding']);

/**
 * The object where the agent is to be installed. What is outside the agent's namespace (`distinct`) gets its name, so
 * that several agents can live in a cluster.
 */
function placed(manifest: Manifest, within: string, distinct: boolean): Manifest {
  const copy = copyOf(manifest);
  const { id, object } = copy;
  const isOutside = CLUSTER_WIDE.has(id.kind) || (id.namespace !== undefined && id.namespace !== within);
  const suffix = distinct && isOutside ? `-${within}` : '';
  id.name = `${id.name}${suffix}`;
  object.metadata.name = id.name;
  if (!CLUSTER_WIDE.has(id.kind)) {
    id.namespace ??= within;
    object.metadata.namespace = id.namespace;
  }
  const roleRef = object.roleRef as JsonObject | undefined;
  if (roleRef) roleRef.name = `${roleRef.name}${suffix}`;
  for (const subject of (object.subjects ?? []) as JsonObject[]) subject.namespace = within;
  return copy;
}

/** The Deployment with the settings in the place of the examples. */
function edited(manifest: Manifest, settings: InstallSettings): Manifest {
  const copy = copyOf(manifest);
  const { metadata, spec } = copy.object;
  (metadata as JsonObject).annotations = {
    [RIGHTS_ANNOTATION]: rightsText(settings.rights),
    ...(settings.kas?.impersonates && { [IMPERSONATE_ANNOTATION]: 'true' }),
  };
  (spec as JsonObject).replicas = settings.replicas;
  const pod = dig(copy.object, 'spec', 'template', 'spec') as JsonObject;
  const container = (pod.containers as JsonObject[])[0]!;
  container.image = settings.image;
  container.args = argumentsOf(container.args as string[], settings);
  if (settings.kas) {
    // What an agent of a server could read repositories with is not even mounted.
    const others = (named: Json | undefined): Json[] =>
      (named as JsonObject[]).filter(({ name }) => name !== 'git-credentials');
    container.volumeMounts = others(container.volumeMounts);
    pod.volumes = others(pod.volumes);
  }
  for (const [{ volume, directory, name, key, flag }] of authoritiesOf(settings)) {
    container.args = [...(container.args as string[]), `--${flag}=${directory}/${key}`];
    container.volumeMounts = [
      ...(container.volumeMounts as Json[]),
      { name: volume, mountPath: directory, readOnly: true },
    ];
    pod.volumes = [...(pod.volumes as Json[]), { name: volume, configMap: { name } }];
  }
  return copy;
}

/** The arguments of deploy/ with the settings in the place of the examples, and without what is not said. */
function argumentsOf(given: readonly string[], settings: InstallSettings): string[] {
  const values: Record<string, string | undefined> = {
    'gitlab-url': settings.gitlabUrl,
    'config-project': settings.configProject,
    'agent-name': settings.agentName,
    ...(settings.kas && { 'git-credentials-dir': undefined }),
  };
  const own = given.flatMap((argument) => {
    const name = /^--([^=]+)=/.exec(argument)?.[1] ?? '';
    if (!Object.hasOwn(values, name)) return [argument];
    return values[name] === undefined ? [] : [`--${name}=${values[name]}`];
  });
  return settings.kas ? [`--kas-address=${settings.kas.address}`, `--token-file=${TOKEN_FILE}`, ...own] : own;
}

/** The certificates' authorities that the settings say, with where each of them goes. */
function authoritiesOf({ ca, kas }: InstallSettings): [Authorities, string][] {
  return [
    ...(kas?.ca === undefined ? [] : ([[KAS_CA, kas.ca]] satisfies [Authorities, string][])),
    ...(ca === undefined ? [] : ([[CA, ca]] satisfies [Authorities, string][])),
  ];
}

function authorities({ name, key, flag }: Authorities, pem: string, namespace: string): Manifest {
  return plainManifest(
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data: { [key]: pem } },
    `--${flag}`,
  );
}

/** A manifest of a `v1` object in a namespace that no file holds; `origin` says where it comes from. */
export function plainManifest(
  object: Manifest['object'] & { metadata: { namespace: string } },
  origin: string,
): Manifest {
  const { kind, metadata } = object;
  return {
    id: { group: '', version: 'v1', kind, namespace: metadata.namespace, name: metadata.name },
    object,
    source: { file: origin, line: 1, column: 1 },
  };
}
