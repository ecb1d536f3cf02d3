import type { Cluster, Discovery, Resource } from '../model/cluster.ts';
import { dig, isObject, type Json } from '../model/json.ts';

const GROUP = 'admissionregistration.k8s.io';
/** Where the rules of each kind stand, below the object. */
const RULES: Record<string, (object: Json) => Json[]> = {
  MutatingWebhookConfiguration: (object) => listAt(object, 'webhooks'),
  MutatingAdmissionPolicy: (object) => [dig(object, 'spec', 'matchConstraints') ?? {}],
};
const NAME_LABEL = 'kubernetes.io/metadata.name';

/** The webhooks and policies that may change what an apply sends: read once, when first asked for. */
export class Mutators {
  readonly #cluster: Cluster;
  readonly #resources: readonly Resource[];
  #rules: Promise<readonly Json[] | undefined> | undefined;

  constructor(cluster: Cluster, discovery: Discovery) {
    this.#cluster = cluster;
    const kinds = discovery.resources.filter(({ group, kind }) => group === GROUP && kind in RULES);
    // One version of each tells all.
    this.#resources = [...Map.groupBy(kinds, ({ kind }) => kind).values()].map(([first]) => first!);
  }

  /** Whether an update of such an object may come out otherwise than it was sent. True where that can't be read. */
  async mayChange({ plural }: Resource, namespace: string | undefined): Promise<boolean> {
    this.#rules ??= this.#read();
    const all = await this.#rules;
    return !all || all.some((one) => isFor(one, plural) && !excludes(one, namespace));
  }

  async #read(): Promise<readonly Json[] | undefined> {
    const lists = await Promise.all(
      this.#resources.map(async (resource) => {
        const answer = await this.#cluster.list(resource, { limit: 500 });
        if (!answer.ok || answer.value.continue !== undefined) return undefined;
        return answer.value.items.flatMap(RULES[resource.kind]!);
      }),
    );
    return lists.some((list) => list === undefined) ? undefined : lists.flatMap((list) => list!);
  }
}

/** By the resource alone: `matchPolicy: Equivalent` catches other groups and versions, too. */
function isFor(mutator: Json, plural: string): boolean {
  const rules = [...listAt(mutator, 'rules'), ...listAt(mutator, 'resourceRules')];
  return rules.some((rule) => {
    const operations = listAt(rule, 'operations');
    const resources = listAt(rule, 'resources');
    const isUpdate = operations.includes('UPDATE') || operations.includes('*');
    return isUpdate && [plural, '*', '*/*'].some((name) => resources.includes(name));
  });
}

/** Whether its selector leaves out the namespace by name, the one label whose value is certain. */
function excludes(mutator: Json, namespace: string | undefined): boolean {
  if (namespace === undefined) return false;
  const label = dig(mutator, 'namespaceSelector', 'matchLabels', NAME_LABEL);
  if (label !== undefined && label !== namespace) return true;
  return listAt(dig(mutator, 'namespaceSelector') ?? {}, 'matchExpressions').some((expression) => {
    if (dig(expression, 'key') !== NAME_LABEL) return false;
    const isNamed = listAt(expression, 'values').includes(namespace);
    const operator = dig(expression, 'operator');
    return (operator === 'In' && !isNamed) || (operator === 'NotIn' && isNamed);
  });
}

function listAt(object: Json, key: string): Json[] {
  const list = isObject(object) ? object[key] : undefined;
  return Array.isArray(list) ? list : [];
}
