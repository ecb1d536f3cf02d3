/** What tests of broken runs do: sets of random members in two namespaces, and what has to hold after the next run. */
import type { ExecutionContext } from 'ava';
import { accessOf, apiCall, apiRequest, namespace } from './cluster.ts';
import { type Stage, stage } from './plan.ts';
import type { Random } from './random.ts';
import { parentOf, setId } from './sets.ts';

const NAMES = Array.from({ length: 25 }, (_none, index) => `m-${index}`);
const KINDS = [
  { kind: 'ConfigMap', in: 'ConfigMap', path: '/api/v1', plural: 'configmaps', chance: 0.5 },
  { kind: 'Secret', in: 'Secret', path: '/api/v1', plural: 'secrets', chance: 0.15 },
  {
    kind: 'Role',
    in: 'Role.rbac.authorization.k8s.io',
    path: '/apis/rbac.authorization.k8s.io/v1',
    plural: 'roles',
    chance: 0.1,
  },
];

export interface ChaosSet {
  yaml: string;
  /** `KIND NAMESPACE/NAME` → what it holds. */
  members: Record<string, string>;
  kinds: string;
  /** Those beside the parent's. */
  namespaces: string;
}

/** A stage with a second namespace, and objects there that are no business of the set. */
export class ChaosStage {
  readonly on: Stage;
  readonly other: string;
  readonly #bystanders: Record<string, string>;

  private constructor(on: Stage, other: string, bystanders: Record<string, string>) {
    this.on = on;
    this.other = other;
    this.#bystanders = bystanders;
  }

  static async make(t: ExecutionContext, endpoint?: Stage['endpoint']): Promise<ChaosStage> {
    const on = await stage(t, endpoint);
    const other = await namespace(t, on.endpoint);
    const bystanders: Record<string, string> = {};
    // One without a label, one with a label that nobody applied, one that a controller owns.
    const label = { labels: { 'applyset.kubernetes.io/part-of': setId(on) } };
    const owner = { apiVersion: 'v1', kind: 'Node', name: 'node-1', uid: 'x', controller: true };
    for (const within of [on.namespace, other]) {
      for (const [name, more] of Object.entries({
        plain: {},
        labelled: label,
        controlled: { ...label, ownerReferences: [owner] },
      })) {
        // A garbage collector would take what an absent Node owns; a found label keeps its place in the parent.
        if (name === 'controlled' && endpoint === undefined) continue;
        if (name !== 'plain' && within === other) continue;
        const path = `/api/v1/namespaces/${within}/configmaps`;
        const made = await apiCall(accessOf(on.endpoint), 'POST', path, {
          metadata: { name: `by-${name}`, ...more },
          data: { a: 'own' },
        });
        bystanders[`${path}/by-${name}`] = made.metadata.resourceVersion;
      }
    }
    return new ChaosStage(on, other, bystanders);
  }

  /** A set of about 40 members; some of its kinds and namespaces may be without any. */
  random(random: Random): ChaosSet {
    const value = String(random.int(3));
    const members: Record<string, string> = {};
    const documents: string[] = [];
    const kinds = KINDS.filter(({ kind }) => kind === 'ConfigMap' || random.chance(0.7));
    const namespaces = random.chance(0.7) ? [this.on.namespace, this.other] : [this.on.namespace];
    const add = (kind: string, within: string, name: string): void => {
      members[`${kind} ${within}/${name}`] = value;
      documents.push(documentOf(kind, within, name, value));
    };
    // A source is never empty, and each of its places has a member.
    for (const { kind } of kinds) for (const within of namespaces) add(kind, within, 'always');
    for (const { kind, chance } of kinds)
      for (const within of namespaces)
        for (const name of NAMES) if (random.chance(chance)) add(kind, within, name);
    return {
      yaml: random.shuffle(documents).join('---\n'),
      members,
      kinds: kinds
        .map((kind) => kind.in)
        .sort()
        .join(','),
      namespaces: namespaces.filter((within) => within !== this.on.namespace).join(','),
    };
  }

  /** The cluster equals the manifests, nothing that is not ours is gone or touched, nothing is orphaned. */
  async holds({ members, kinds, namespaces }: ChaosSet, story: string): Promise<void> {
    const { t, endpoint } = this.on;
    const access = accessOf(endpoint);
    const found: Record<string, string> = {};
    for (const { kind, path, plural } of KINDS) {
      for (const within of [this.on.namespace, this.other]) {
        const list = await apiCall(access, 'GET', `${path}/namespaces/${within}/${plural}`);
        for (const item of list.items) {
          const { name } = item.metadata;
          if (name === 'always' || name.startsWith('m-')) found[`${kind} ${within}/${name}`] = heldBy(item);
        }
      }
    }
    t.deepEqual(found, members, story);
    for (const [path, version] of Object.entries(this.#bystanders)) {
      const { status, body } = await apiRequest(access, 'GET', path);
      t.is(status === 200 && body.metadata.resourceVersion, version, `${story}: ${path}`);
    }
    const parent = await parentOf(this.on);
    t.is(parent!['contains-group-kinds'], kinds, story);
    const record = await this.on.kubectl(['get', 'cm', 'set', '-o', 'jsonpath={.data.status}']);
    t.is((JSON.parse(record) as { state: string }).state, 'Synced', `${story}: the record`);
    t.is(parent!['additional-namespaces'], namespaces, story);
  }
}

function documentOf(kind: string, namespace: string, name: string, value: string): string {
  const metadata = `metadata: {name: ${name}, namespace: ${namespace}}`;
  if (kind === 'Role')
    return `apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\n${metadata}\nrules: [{apiGroups: [""], resources: [pods], verbs: ["v${value}"]}]\n`;
  const field = kind === 'Secret' ? 'stringData' : 'data';
  return `apiVersion: v1\nkind: ${kind}\n${metadata}\n${field}: {a: "${value}"}\n`;
}

function heldBy(item: { data?: { a: string }; rules?: { verbs: string[] }[]; type?: string }): string {
  if (item.rules) return item.rules[0]!.verbs[0]!.slice(1);
  const value = item.data?.a ?? '';
  return item.type ? Buffer.from(value, 'base64').toString() : value;
}
