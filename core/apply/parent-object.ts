import type { ApplySetId } from '../model/apply.ts';
import type { Discovery, Resource } from '../model/cluster.ts';
import { dig, isObject } from '../model/json.ts';
import type { KubeObject } from '../model/object.ts';
import { RECORD_KEYS, type RecordData } from '../model/record.ts';
import { covers, ownFields } from '../plan/field-set.ts';
import { type Extent, groupKind, joined } from './apply-set.ts';

// The words of KEP-3659, "ApplySet: kubectl apply --prune redesign and graduation strategy".
export const ID_LABEL = 'applyset.kubernetes.io/id';
const TOOLING = 'applyset.kubernetes.io/tooling';
const GROUP_KINDS = 'applyset.kubernetes.io/contains-group-kinds';
/** What kubectl 1.27 and 1.28 wrote instead. */
const GROUP_RESOURCES = 'applyset.kubernetes.io/contains-group-resources';
const NAMESPACES = 'applyset.kubernetes.io/additional-namespaces';
/** Ours: the tool from which a set is being taken over, until all of its members carry our label or are gone. */
const ADOPTED_FROM = 'agent.gitlab.com/adopted-from';
const OURS = 'gitlab-agent/';
/** Labels and annotations that say whose a parent is; people write requests under the same prefix. */
const MARKS = ['name', 'entry', 'project-path'].map((name) => `agent.gitlab.com/${name}`);

/** Labels and annotations that say whose a parent is: the agent, the entry, the project. */
export interface ParentMarks {
  labels: Readonly<Record<string, string>>;
  annotations: Readonly<Record<string, string>>;
}

/** What a parent tells beside where its members are. */
export interface ParentWords extends ParentMarks {
  data: RecordData;
}

/** What a live parent says of its set; of labels and annotations, those that our own apply wrote. */
export interface ParentState extends ParentWords {
  extent: Extent;
  /** Of the ID label; undefined where the object is no parent of a set. */
  id?: string;
  /** `kubectl/v1.33.0`; '' where it does not say. */
  tooling: string;
  /** The tool whose labels count like ours: the set is another's, or not all of it has been taken over yet. */
  adoptedFrom?: string;
  uid: string;
  resourceVersion: string;
}

/** Reads a parent; `discovery` turns the plural names that old versions of kubectl wrote into kinds. */
export function readParent(object: KubeObject, discovery: Discovery): ParentState {
  const annotation = (name: string): string => String(dig(object, 'metadata', 'annotations', name) ?? '');
  const resources = new Map(
    discovery.resources.map((resource) => [
      resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`,
      groupKind(resource),
    ]),
  );
  const tooling = annotation(TOOLING);
  const kinds = split(annotation(GROUP_KINDS));
  // Once the set is ours, what an old kubectl left there says no more.
  const olderKinds = isOurTooling(tooling)
    ? []
    : split(annotation(GROUP_RESOURCES)).flatMap((name) => resources.get(name) ?? []);
  const id = dig(object, 'metadata', 'labels', ID_LABEL);
  const adoptedFrom = isOurTooling(tooling) ? annotation(ADOPTED_FROM) : tooling || 'unknown';
  return {
    extent: {
      groupKinds: new Set([...kinds, ...olderKinds]),
      namespaces: new Set(split(annotation(NAMESPACES))),
    },
    ...(typeof id === 'string' && { id }),
    tooling,
    ...(adoptedFrom !== '' && { adoptedFrom }),
    labels: ownMarks(object, 'labels'),
    annotations: ownMarks(object, 'annotations'),
    data: Object.fromEntries(
      RECORD_KEYS.flatMap((key) => {
        const text = dig(object, 'data', key);
        return typeof text === 'string' ? [[key, text]] : [];
      }),
    ),
    uid: String(object.metadata.uid),
    resourceVersion: String(object.metadata.resourceVersion),
  };
}

/** What our apply would remove if it were silent about it. */
function ownMarks(object: KubeObject, where: 'labels' | 'annotations'): Record<string, string> {
  const found = dig(object, 'metadata', where);
  if (!isObject(found)) return {};
  const own = Object.entries(found).filter(
    ([key]) => MARKS.includes(key) && covers(ownFields(object), ['metadata', where, key]),
  );
  return Object.fromEntries(own) as Record<string, string>;
}

export function isOurTooling(tooling: string): boolean {
  return tooling.startsWith(OURS);
}

/** A parent as we apply it. */
export type ParentContent = ParentWords & Pick<ParentState, 'extent' | 'adoptedFrom'>;

export function parentObject(
  set: ApplySetId,
  { extent, adoptedFrom, labels, annotations, data }: ParentContent,
  version: string,
): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: set.name,
      namespace: set.namespace,
      labels: { ...labels, [ID_LABEL]: set.id },
      annotations: {
        ...annotations,
        [TOOLING]: `${OURS}v${version}`,
        [GROUP_KINDS]: joined(extent.groupKinds),
        [NAMESPACES]: joined(extent.namespaces),
        ...(adoptedFrom !== undefined && { [ADOPTED_FROM]: adoptedFrom }),
      },
    },
    ...(Object.keys(data).length > 0 && { data }),
  };
}

function split(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** The kind of which parents are. */
export function configMaps({ resources }: Discovery): Resource {
  return resources.find(
    ({ group, version, kind }) => group === '' && version === 'v1' && kind === 'ConfigMap',
  )!;
}
