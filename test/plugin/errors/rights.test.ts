// Rights that are missing, each for the thing that needs it.
import type { ExecutionContext } from 'ava';
import { agentObject, holdLease, parentObject } from '../../support/agent-objects.ts';
import { grant, namespace, type Rule, serviceAccount } from '../../support/cluster.ts';
import { type ErrorRow, type Situation, tellsErrors } from '../../support/error-rows.ts';

const READ: Rule = { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'watch'] };
const WRITE: Rule = { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'create', 'patch'] };

/** A user with these rights in a namespace with an agent, who runs this there. */
async function asUser(t: ExecutionContext, args: string, rules: Rule[], input = ''): Promise<Situation> {
  const ns = await namespace(t);
  await agentObject(ns, 'test');
  await holdLease(t, ns, 'test');
  await parentObject(ns, 'test', 'shop', { status: {} });
  const user = await serviceAccount(ns, 'ann');
  if (rules.length > 0) await grant(user, rules, { namespace: ns });
  const where = args.includes('-n ') ? [] : ['-n', ns];
  return {
    args: [...args.split(' '), ...where],
    env: { KUBECONFIG: user.kubeconfig },
    input,
    secrets: [user.token],
  };
}

const CONFIG_MAP = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n';
const may = (verb: string, what = 'configmaps') =>
  `${what}( "[^"]+")? is forbidden: User "system:serviceaccount:[^"]+:ann" cannot ${verb} resource "${what}"[^\n]+`;

const ROWS: Record<string, Omit<ErrorRow, 'what' | 'given'> & { rules?: Rule[]; input?: string }> = {
  status: {
    error: RegExp(`agents can't be looked for in t-\\S+: ${may('list')}`),
    hint: /-n NAMESPACE looks where the agent is; .+/,
  },
  'status -A': {
    error: RegExp(`agents can't be looked for in \\S+ and gitlab-agent: ${may('list')}`),
    hint: /-n NAMESPACE looks where the agent is; .+/,
  },
  'wait test': {
    error: RegExp(`agents can't be looked for in t-\\S+: ${may('list')}`),
    hint: /-n NAMESPACE looks where the agent is; .+/,
  },
  sync: {
    rules: [READ],
    error: RegExp(`configmap/gitlab-agent.test.shop -n \\S+ can't be changed: ${may('patch')}`),
    hint: /it needs the right to get and patch configmaps in t-\S+/,
  },
  suspend: {
    rules: [READ],
    error: RegExp(`configmap/gitlab-agent.test.shop -n \\S+ can't be changed: ${may('patch')}`),
    hint: /it needs the right to get and patch configmaps in t-\S+/,
  },
  history: {
    error: RegExp(`the apply sets of the namespace t-\\S+ can't be listed: ${may('list')}`),
    hint: 'name one: --applyset [NAMESPACE/]NAME',
  },
  'inventory --applyset gitlab-agent.test.shop': {
    error: RegExp(
      `the parent of the apply set, configmap/gitlab-agent.test.shop -n \\S+, can't be read: ${may('get')}`,
    ),
    hint: /it needs the right to (get|list|patch) \S+ in the namespace t-\S+/,
  },
  'explain cm/a': {
    error: RegExp(`configmap/a -n \\S+: it can't be read: ${may('get')}`),
    hint: /it needs the right to (get|list|patch) \S+ in the namespace t-\S+/,
  },
  'apply -f - --applyset set': {
    input: CONFIG_MAP,
    error: RegExp(`the parent of the apply set, configmap/set -n \\S+, can't be read: ${may('get')}`),
    hint: /it needs the right to (get|list|patch) \S+ in the namespace t-\S+/,
  },
  'apply -f - --applyset set --prune': {
    input: CONFIG_MAP,
    rules: [READ],
    error: RegExp(`the parent of the apply set, configmap/set -n \\S+, can't be written: ${may('patch')}`),
    hint: /it needs the right to (get|list|patch) \S+ in the namespace t-\S+/,
  },
  install: {
    error: RegExp(`what is installed in the namespace t-\\S+ can't be told: ${may('get', '[^ "]+')}`),
    hint: /it needs the right to (get|list|patch) \S+ in the namespace t-\S+/,
  },
  uninstall: {
    error: RegExp(`what is installed in the namespace t-\\S+ can't be told: ${may('list')}`),
    hint: /it needs the right to (get|list|patch) \S+ in the namespace t-\S+/,
  },
  'register test --config-project a/b --gitlab-url http://127.0.0.1:1': {
    rules: [WRITE],
    error: RegExp(`what is installed in the namespace t-\\S+ can't be told: ${may('get', '[^ "]+')}`),
    hint: /it needs the right to (get|list|patch) \S+ in the namespace t-\S+/,
  },
  'bootstrap test --config-project a/b --gitlab-url http://127.0.0.1:1': {
    rules: [WRITE],
    error: RegExp(`what is installed in the namespace t-\\S+ can't be told: ${may('get', '[^ "]+')}`),
    hint: /it needs the right to (get|list|patch) \S+ in the namespace t-\S+/,
  },
};

tellsErrors(
  Object.entries(ROWS).map(([args, { rules = [], input, ...row }]) => ({
    what: `no rights for ${args}`,
    given: (t) => asUser(t, args, rules, input),
    ...row,
  })),
);
