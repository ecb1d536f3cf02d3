import { dig, isObject, type Json } from '../model/json.ts';
import { objectKey } from '../model/object.ts';
import { isCrd } from '../plan/crd.ts';
import type { Step } from '../plan/plan.ts';

const WORKLOADS = new Set([
  '/Pod',
  'apps/DaemonSet',
  'apps/Deployment',
  'apps/ReplicaSet',
  'apps/StatefulSet',
]);
const WEBHOOKS = new Set(['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration']);

/**
 * The workloads of a set behind the webhooks that are asked once an object is written, or before it is: those of a new
 * webhook configuration, and for an object of a kind that a webhook converts, those of its CRD. Nothing for others.
 */
export function backendsOf(steps: readonly Step[]): ReadonlyMap<Step, readonly Step[]> {
  const byKey = new Map(steps.map((step) => [objectKey(step.change.id), step]));
  const behind = (config: Json | undefined): Step[] => {
    const service = dig(config, 'service');
    const [namespace, name] = [dig(service, 'namespace'), dig(service, 'name')];
    if (typeof namespace !== 'string' || typeof name !== 'string') return [];
    const found = byKey.get(objectKey({ group: '', kind: 'Service', namespace, name }));
    const selector = dig(found?.manifest.object, 'spec', 'selector');
    if (!isObject(selector) || Object.keys(selector).length === 0) return [];
    return steps.filter((step) => step.change.id.namespace === namespace && isSelected(step, selector));
  };
  const converters = new Map<string, readonly Step[]>();
  for (const { change, manifest } of steps) {
    const spec = isCrd(change.id) ? dig(manifest.object, 'spec') : undefined;
    const workloads = behind(dig(spec, 'conversion', 'webhook', 'clientConfig'));
    if (workloads.length > 0) {
      converters.set(`${dig(spec, 'group')}/${dig(spec, 'names', 'kind')}`, workloads);
    }
  }
  const backends = new Map<Step, readonly Step[]>();
  for (const step of steps) {
    const { id, action } = step.change;
    // One that is there already asks its backend anyway.
    const isNew = id.group === 'admissionregistration.k8s.io' && WEBHOOKS.has(id.kind) && action === 'create';
    const webhooks = isNew ? dig(step.manifest.object, 'webhooks') : undefined;
    const asked = Array.isArray(webhooks) ? webhooks.flatMap((one) => behind(dig(one, 'clientConfig'))) : [];
    const workloads = new Set([...asked, ...(converters.get(`${id.group}/${id.kind}`) ?? [])]);
    if (workloads.size > 0) backends.set(step, [...workloads]);
  }
  return backends;
}

function isSelected({ change: { id }, manifest }: Step, selector: Record<string, Json>): boolean {
  if (!WORKLOADS.has(`${id.group}/${id.kind}`)) return false;
  const { object } = manifest;
  const labels =
    id.kind === 'Pod'
      ? dig(object, 'metadata', 'labels')
      : dig(object, 'spec', 'template', 'metadata', 'labels');
  return Object.entries(selector).every(([key, value]) => dig(labels, key) === value);
}
