/** What tests of the plan do: plan YAML text as a command would, and hold the plan against what really happens. */
import type { ExecutionContext } from 'ava';
import { connect } from '../../core/kube/cluster.ts';
import { loadConnection } from '../../core/kube/load-connection.ts';
import { readManifests } from '../../core/manifest/read.ts';
import type { Cluster } from '../../core/model/cluster.ts';
import { deepEqual, stringifyJson } from '../../core/model/json.ts';
import type { Manifest } from '../../core/model/manifest.ts';
import type { KubeObject, ObjectId } from '../../core/model/object.ts';
import type { Change } from '../../core/model/plan.ts';
import { kindKey } from '../../core/plan/crd.ts';
import { type PlanOptions, planObjects, type Step } from '../../core/plan/plan.ts';
import { SecretGate } from '../../core/plan/secret-gate.ts';
import {
  accessOf,
  apiRequest,
  type Endpoint,
  kubectl,
  namespace,
  sharedCluster,
  waitFor,
} from './cluster.ts';
import { trueAfter } from './truth.ts';

/** The arguments with which kubectl writes in our name. */
export const AS_US = ['--server-side', '--force-conflicts', '--field-manager=gitlab-agent'];

/** Reads manifests as the command does from standard input. Throws where one can't be read. */
export async function readText(yaml: string, defaultNamespace?: string): Promise<Manifest[]> {
  const { manifests, problems } = await readManifests(
    { filenames: ['-'], recursive: false },
    {
      cwd: '/',
      stdin: async () => Buffer.from(yaml),
      env: {},
      signal: new AbortController().signal,
      ...(defaultNamespace !== undefined && { defaultNamespace }),
    },
  );
  if (problems.length > 0) throw new Error(problems.map(({ message }) => message).join('; '));
  return manifests;
}

/** For a stage that is a cluster of its own: kubectl is given no namespace, so that manifests may name several. */
export const WHOLE_CLUSTER = '';

/** A place in a cluster of a test's own. Commands go to its namespace unless they say another. */
export class Stage {
  readonly t: ExecutionContext;
  readonly endpoint: Endpoint;
  readonly namespace: string;

  constructor(t: ExecutionContext, endpoint: Endpoint, within: string) {
    this.t = t;
    this.endpoint = endpoint;
    this.namespace = within;
  }

  get #flags(): string[] {
    return this.namespace === WHOLE_CLUSTER ? [] : ['-n', this.namespace];
  }

  /** Plans as one command would: with a connection and a discovery of its own. */
  async plan(yaml: string, options: Partial<PlanOptions> = {}, kubeconfig?: string): Promise<Change[]> {
    return (await this.steps(yaml, options, kubeconfig)).map(({ change }) => change);
  }

  /** The same with what an apply would send. */
  async steps(
    yaml: string,
    options: Partial<PlanOptions> = {},
    kubeconfig = this.endpoint.kubeconfig,
  ): Promise<Step[]> {
    const manifests = await readText(yaml);
    const { steps } = await onCluster(kubeconfig, (cluster) =>
      planObjects(cluster, manifests, {
        namespace: this.namespace || 'default',
        enforceNamespace: false,
        gate: new SecretGate(),
        ...options,
      }),
    );
    return steps;
  }

  /** The plan of a single object. */
  async planOne(yaml: string, options: Partial<PlanOptions> = {}): Promise<Change> {
    const changes = await this.plan(yaml, options);
    if (changes.length !== 1) throw new Error(`expected one object, not ${changes.length}`);
    return changes[0]!;
  }

  /** Runs kubectl in the namespace and returns what it prints. */
  async kubectl(command: string | readonly string[], input?: string): Promise<string> {
    const args = typeof command === 'string' ? command.split(' ') : command;
    const { stdout } = await kubectl([...this.#flags, ...args], {
      kubeconfig: this.endpoint.kubeconfig,
      ...(input !== undefined && { input }),
    });
    return stdout;
  }

  /** Really applies, in our name, by kubectl. */
  async apply(yaml: string): Promise<void> {
    await this.kubectl(['apply', ...AS_US, '-f', '-'], yaml);
  }

  /** Applies a CRD of `crdText` and waits until exactly its versions are served. It goes when the test ends. */
  async install(group: string, options: CrdOptions = {}): Promise<void> {
    await this.apply(crdText(group, options));
    const { versions = { v1: '' }, unserved = [] } = options;
    const wanted = Object.keys(versions)
      .filter((version) => !unserved.includes(version))
      .sort();
    const served = (): Promise<string[]> =>
      onCluster(this.endpoint.kubeconfig, async (cluster) => {
        const { resources } = await cluster.discover();
        return resources.filter((resource) => resource.group === group).map(({ version }) => version);
      });
    await waitFor(async () => deepEqual((await served()).sort(), wanted), { what: `${group} to be served` });
    const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.${group}`;
    this.t.teardown(
      async () => void (await apiRequest(accessOf(this.endpoint), 'DELETE', path).catch(() => {})),
    );
  }

  /** A live object with its managedFields; undefined where there is none. */
  async live(id: ObjectId): Promise<KubeObject | undefined> {
    return (await this.allLive([id]))[0];
  }

  async allLive(ids: readonly ObjectId[]): Promise<(KubeObject | undefined)[]> {
    return onCluster(this.endpoint.kubeconfig, async (cluster) => {
      const { resources } = await cluster.discover();
      const served = new Map(resources.map((resource) => [kindKey(resource), resource]));
      const get = async (id: ObjectId): Promise<KubeObject | undefined> => {
        const resource = served.get(kindKey(id));
        if (!resource) return undefined;
        const answer = await cluster.get({ resource, namespace: id.namespace, name: id.name });
        if (!answer.ok && answer.failure.status !== 404) throw new Error(answer.failure.message);
        return answer.ok ? answer.value : undefined;
      };
      return Promise.all(ids.map(get));
    });
  }

  /** The objects that `kubectl diff --server-side` shows as different, sorted: `apps.v1.Deployment.ns.name`. */
  async kubectlDiff(yaml: string): Promise<string[]> {
    const { code, stdout, stderr } = await kubectl(
      [...this.#flags, 'diff', ...AS_US, '--concurrency=4', '-f', '-'],
      { kubeconfig: this.endpoint.kubeconfig, input: yaml, allowFailure: true },
    );
    if (code > 1) throw new Error(`kubectl diff: ${stderr}`);
    return [...stdout.matchAll(/^diff -u -N \S+\/LIVE-\d+\/(\S+) /gm)].map((match) => match[1]!).sort();
  }
}

/** Makes a stage with a namespace of its own, in the shared cluster where no other is given. */
export async function stage(t: ExecutionContext, endpoint: Endpoint = sharedCluster()): Promise<Stage> {
  return new Stage(t, endpoint, await namespace(t, endpoint));
}

/** Connects as one command would. */
export async function onCluster<T>(kubeconfig: string, use: (cluster: Cluster) => Promise<T>): Promise<T> {
  const connection = loadConnection({ kubeconfig }, { env: {}, homedir: '/' });
  const cluster = connect(connection, { version: 'test', signal: new AbortController().signal });
  try {
    return await use(cluster);
  } finally {
    cluster.close();
  }
}

/** `Deployment/web` → its action and the paths of its fields, for all that is not plainly unchanged. */
export function told(changes: readonly Change[]): Record<string, readonly string[]> {
  const entries = changes
    .filter(({ action, reason }) => action !== 'unchanged' || reason !== undefined)
    .map(({ id, action, reason, fields = [] }) => {
      const what = reason === undefined ? action : `${action}: ${reason}`;
      return [`${id.kind}/${id.name}`, [what, ...fields.map(({ path }) => path)]] as const;
    });
  return Object.fromEntries(entries);
}

export interface HeldOptions extends Partial<PlanOptions> {
  /** What the server changes beside our fields, as dotted map keys: defaults that come or go with them. */
  beside?: readonly string[];
  /** `kubectl diff` can't see this change (see engine.md): its names are not compared. */
  kubectlIsBlind?: true;
  /** Kubectl is given what we would send instead of the manifests. */
  sent?: true;
}

/**
 * Plans with the proof and with `full`, then has kubectl say which objects differ, then really applies. The two
 * plans must be the same, name the objects that kubectl names, say of every field what it was and what it became,
 * leave no changed field out, and have nothing more to say afterwards. Returns the plan.
 */
export async function held(on: Stage, yaml: string, options: HeldOptions = {}): Promise<Change[]> {
  const { t } = on;
  const { beside = [], kubectlIsBlind, sent, ...planOptions } = options;
  const steps = await on.steps(yaml, planOptions);
  const changes = steps.map(({ change }) => change);
  const applied = sent ? steps.map(({ send }) => stringifyJson(send)).join('\n') : yaml;
  const full = await on.plan(yaml, { ...planOptions, full: true });
  t.is(stringifyJson(full, 1), stringifyJson(changes, 1), 'the plan without the proof is the same');
  if (!kubectlIsBlind) t.deepEqual(await on.kubectlDiff(applied), changedNames(changes), 'kubectl diff');
  const ids = changes.map(({ id }) => id);
  const before = await on.allLive(ids);
  await on.apply(applied);
  const after = await on.allLive(ids);
  for (const [index, change] of changes.entries()) {
    trueAfter(on, change, before[index], after[index], beside);
  }
  t.deepEqual(told(await on.plan(yaml, planOptions)), {}, 'nothing to do after an apply');
  return changes;
}

function changedNames(changes: readonly Change[]): string[] {
  return changes
    .filter(({ action }) => ['create', 'update', 'replace'].includes(action))
    .map(({ id }) => `${id.group && `${id.group}.`}${id.version}.${id.kind}.${id.namespace ?? ''}.${id.name}`)
    .sort();
}

export interface CrdOptions {
  scope?: 'Namespaced' | 'Cluster';
  /** The schema of `spec`'s properties, in YAML's flow form, by version: the last is stored. */
  versions?: Record<string, string>;
  /** Versions that it lists, but does not serve. */
  unserved?: readonly string[];
}

/** A CustomResourceDefinition of kind Widget; with the namespace in its group it is the test's own. */
export function crdText(group: string, options: CrdOptions = {}): string {
  const { scope = 'Namespaced', versions = { v1: '{size: {type: integer}}' }, unserved = [] } = options;
  const names = Object.keys(versions);
  const entries = names.map(
    (name) => `
  - name: ${name}
    served: ${!unserved.includes(name)}
    storage: ${name === names.at(-1)}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, properties: ${versions[name]}}`,
  );
  return `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.${group}}
spec:
  group: ${group}
  scope: ${scope}
  names: {plural: widgets, singular: widget, kind: Widget}
  versions:${entries.join('')}
`;
}
