/** An admission policy that repeats the value of a Secret in its words, as careless webhooks do. */
import { apiCall, apiRequest } from './cluster.ts';
import type { Access } from './control-plane/api.ts';

interface Test {
  teardown(end: () => Promise<void>): void;
}

/** It refuses (`Deny`) or warns of (`Warn`) every write of one Secret. In force some time after it is made. */
export async function policyOnSecret(
  t: Test,
  access: Access,
  { namespace, name, key, action }: { namespace: string; name: string; key: string; action: 'Deny' | 'Warn' },
): Promise<void> {
  const path = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic';
  const rule = { apiGroups: [''], apiVersions: ['v1'], operations: ['*'], resources: ['secrets'] };
  const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': namespace } };
  const policyName = `${namespace.slice(0, 40)}-${name}`;
  const validation = {
    expression: `object.metadata.name != '${name}'`,
    messageExpression: `'no: ' + string(object.data.${key})`,
  };
  const spec = {
    matchConstraints: { resourceRules: [rule], namespaceSelector },
    validations: [validation],
  };
  await apiCall(access, 'POST', `${path}ies`, { metadata: { name: policyName }, spec });
  const binding = { policyName, validationActions: [action], matchResources: { namespaceSelector } };
  await apiCall(access, 'POST', `${path}ybindings`, { metadata: { name: policyName }, spec: binding });
  t.teardown(async () => {
    await apiRequest(access, 'DELETE', `${path}ybindings/${policyName}`);
    await apiRequest(access, 'DELETE', `${path}ies/${policyName}`);
  });
}
