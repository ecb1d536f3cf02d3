import type { Health } from '../model/health.ts';
import type { Json } from '../model/json.ts';
import type { KubeObject } from '../model/object.ts';
import { mapsAt, textAt, word } from './fields.ts';
import { healthy, progressing } from './verdict.ts';

/** Argo CD: a load balancer without an address is on its way; all other Services are what they are at once. */
export function service(object: KubeObject): Health {
  const type = textAt(object, 'spec', 'type') || 'ClusterIP';
  if (type !== 'LoadBalancer') return healthy(word(type, 'Service'));
  const found = addresses(object.status);
  return found
    ? healthy('LoadBalancer', `reached at ${found}`)
    : progressing('NoAddress', 'the load balancer has no address yet');
}

/** Argo CD's rule; kstatus has none. Some controllers never publish an address unless they are told to. */
export function ingress(object: KubeObject): Health {
  const found = addresses(object.status);
  if (found) return healthy('HasAddress', `reached at ${found}`);
  const name = textAt(object, 'spec', 'ingressClassName');
  const who = name ? `the controller of IngressClass ${name}` : 'an Ingress controller';
  return progressing('NoAddress', `${who} has published no address for it`);
}

function addresses(status: Json | undefined): string {
  const entries = mapsAt(status, 'loadBalancer', 'ingress');
  const named = entries.map((entry) => textAt(entry, 'hostname') || textAt(entry, 'ip')).filter(Boolean);
  return named.join(', ') || (entries.length > 0 ? 'its load balancer' : '');
}
