import { applySetId } from '../../core/apply/apply-set.ts';
import { ownsLabel } from '../../core/apply/prune-guards.ts';
import type { ApiFailure, Cluster, Discovery } from '../../core/model/cluster.ts';
import { dig, isObject } from '../../core/model/json.ts';
import type { Manifest } from '../../core/model/manifest.ts';
import { missingRight } from '../../core/model/missing-right.ts';
import { type KubeObject, parseApiVersion } from '../../core/model/object.ts';
import { ProblemError } from '../../core/model/problem.ts';
import { ownFields } from '../../core/plan/field-set.ts';
import { PART_OF, view } from '../../core/plan/shape.ts';
import { plainManifest } from './install-objects.ts';
import { CA, IMPERSONATE_ANNOTATION, INSTALL_SET, KAS_CA, RIGHTS_ANNOTATION, SECRETS } from './settings.ts';

/** An installation of ours as it is in the cluster: what an upgrade goes on from. */
export interface LiveInstall {
  agentName?: string;
  configProject?: string;
  gitlabUrl?: string;
  kasAddress?: string;
  image?: string;
  replicas?: number;
  /** As `--rbac` takes it. */
  rights?: string;
  impersonates?: boolean;
  ca?: string;
  kasCa?: string;
  /** Secrets of ours, with the values that are ours. They hold real ones: never print them. */
  secrets: Manifest[];
  /** Names of the Secrets that somebody else made. */
  foreign: string[];
}

/** Reads what is there; what somebody else made counts as not there. Throws ProblemError where that can't be told. */
export async function readInstall(
  cluster: Cluster,
  discovery: Discovery,
  namespace: string,
): Promise<LiveInstall> {
  const { id } = applySetId({ namespace, name: INSTALL_SET });
  const foreign: string[] = [];
  const own = async (apiVersion: string, kind: string, name: string): Promise<KubeObject | undefined> => {
    const { group, version } = parseApiVersion(apiVersion);
    const resource = discovery.resources.find(
      (one) => one.group === group && one.version === version && one.kind === kind,
    )!;
    const answer = await cluster.get({ resource, namespace, name });
    if (answer.ok) {
      const isOurs = dig(answer.value, 'metadata', 'labels', PART_OF) === id && ownsLabel(answer.value);
      if (!isOurs && kind === 'Secret') foreign.push(name);
      return isOurs ? answer.value : undefined;
    }
    if (answer.failure.status === 404) return undefined;
    throw unknownInstall(`what is installed in the namespace ${namespace} can't be told`, answer.failure);
  };
  const [deployment, authorities, kasAuthorities, ...secrets] = await Promise.all([
    own('apps/v1', 'Deployment', 'gitlab-agent'),
    own('v1', 'ConfigMap', CA.name),
    own('v1', 'ConfigMap', KAS_CA.name),
    ...Object.values(SECRETS).map((name) => own('v1', 'Secret', name)),
  ]);
  const ca = dig(authorities, 'data', CA.key);
  const kasCa = dig(kasAuthorities, 'data', KAS_CA.key);
  return {
    ...(deployment && settingsOf(deployment)),
    ...(typeof ca === 'string' && { ca }),
    ...(typeof kasCa === 'string' && { kasCa }),
    secrets: secrets
      .filter((secret) => secret !== undefined)
      .map((secret) => plainManifest(wantedAgain(secret, namespace), 'the cluster')),
    foreign,
  };
}

/** What keeps an installation from being looked at. `what` is the beginning of the sentence. */
export function unknownInstall(what: string, failure: ApiFailure): ProblemError {
  const hint = missingRight(failure);
  const message = `${what}: ${failure.message}`;
  return new ProblemError({ code: 'InstallUnknown', message, ...(hint && { hint }) });
}

/** The part of a live object that we applied, as a manifest that changes nothing. */
function wantedAgain(live: KubeObject, namespace: string): Parameters<typeof plainManifest>[0] {
  const { metadata, ...rest } = view(live, ownFields(live)) as KubeObject;
  const { labels, ...others } = metadata;
  const { [PART_OF]: _set, ...kept } = isObject(labels) ? labels : {};
  return {
    ...rest,
    metadata: { ...others, namespace, ...(Object.keys(kept).length > 0 && { labels: kept }) },
  } as Parameters<typeof plainManifest>[0];
}

function settingsOf(deployment: KubeObject): Omit<LiveInstall, 'secrets' | 'foreign' | 'ca' | 'kasCa'> {
  const containers = dig(deployment, 'spec', 'template', 'spec', 'containers');
  const [container] = Array.isArray(containers) ? containers : [];
  const args = dig(container, 'args');
  const argument = (name: string): string | undefined =>
    (Array.isArray(args) ? args : [])
      .map(String)
      .find((one) => one.startsWith(`--${name}=`))
      ?.slice(name.length + 3);
  const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
  const replicas = dig(deployment, 'spec', 'replicas');
  return definedOnly({
    agentName: argument('agent-name'),
    configProject: argument('config-project'),
    gitlabUrl: argument('gitlab-url'),
    kasAddress: argument('kas-address'),
    image: text(dig(container, 'image')),
    replicas: typeof replicas === 'number' ? replicas : undefined,
    impersonates: dig(deployment, 'metadata', 'annotations', IMPERSONATE_ANNOTATION) === 'true',
    rights: text(dig(deployment, 'metadata', 'annotations', RIGHTS_ANNOTATION)),
  });
}

/** The same without what is undefined. */
export function definedOnly<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as ReturnType<
    typeof definedOnly<T>
  >;
}
