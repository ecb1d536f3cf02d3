// No agent, too many of them, one that is silent, and names that fit nothing.
import type { ExecutionContext } from 'ava';
import { agentObject, FIRST, holdLease, leaseObject, parentObject } from '../../support/agent-objects.ts';
import { kubectl, namespace } from '../../support/cluster.ts';
import { type ErrorRow, tellsErrors } from '../../support/error-rows.ts';

interface Scene {
  agents?: string[];
  projects?: string[];
  /** Of the first agent. */
  record?: Record<string, unknown>;
  /** Nobody leads them. */
  silent?: boolean;
  annotations?: Record<string, string>;
}

/** A namespace with agents, all with the same projects. */
async function scene(t: ExecutionContext, given: Scene = {}): Promise<string> {
  const { agents = ['test'], projects = ['shop'], record, silent = false, annotations = {} } = given;
  const ns = await namespace(t);
  for (const agent of agents) {
    await agentObject(ns, agent, record);
    if (silent) await leaseObject(ns, agent, { renewedAt: new Date(Date.now() - 600_000) });
    else await holdLease(t, ns, agent);
    for (const project of projects) await parentObject(ns, agent, project, { status: {}, annotations });
  }
  return ns;
}

const on = (what: string, args: string, given: Scene, row: Omit<ErrorRow, 'what' | 'given'>): ErrorRow => ({
  what: `${what}: ${args}`,
  given: async (t) => ({ args: [...args.split(' '), '-n', await scene(t, given)] }),
  ...row,
});

const NONE: Scene = { agents: [] };
const TWO: Scene = { agents: ['blue', 'green'] };
const PROJECTS: Scene = { projects: ['shop', 'infra'] };

tellsErrors([
  ...['status', 'sync', 'suspend', 'resume', 'wait', 'rollback --yes', 'diff'].map((args) =>
    on('the agent is missing', args, NONE, {
      error: /there is no agent in the namespace t-\S+/,
      hint: 'leave out -n to look in all namespaces',
    }),
  ),
  ...['history', 'inventory'].map((args) =>
    on('nothing was applied here', args, NONE, {
      error: /there is no apply set in the namespace t-\S+/,
      hint: 'name one: --applyset NAMESPACE/NAME, or -n NAMESPACE; or an agent and a project',
    }),
  ),
  on('nothing is installed', 'uninstall --keep --yes', NONE, {
    error: /nothing in the namespace t-\S+ was installed by this program/,
    hint: 'is it another namespace? -n NAMESPACE',
  }),
  ...['sync', 'suspend', 'resume', 'wait', 'history', 'inventory'].map((args) =>
    on('two agents', args, TWO, {
      error: 'there are 2 agents: blue, green',
      hint: `name one: kubectl gitlab-agent ${args} blue`,
    }),
  ),
  on('two agents', 'rollback --yes', TWO, {
    error: 'there are 2 agents: blue, green',
    hint: 'name one: kubectl gitlab-agent rollback blue',
  }),
  {
    what: 'two agents of one name: status',
    given: async (t) => {
      const name = `twin-${Math.random().toString(36).slice(2, 8)}`;
      for (const agents of [[name], [name]]) await scene(t, { agents });
      return { args: ['status', name] };
    },
    error: /there are 2 agents called twin-\w+/,
    hint: /say which: t-\S+\/twin-\w+, t-\S+\/twin-\w+/,
  },
  ...['history', 'inventory'].map((args) =>
    on('two projects', `${args} test`, PROJECTS, {
      error: 'the agent test has 2 manifest projects: group/infra, group/shop',
      hint: `name one: kubectl gitlab-agent ${args} test group/infra`,
    }),
  ),
  on('two projects', 'diff --rev main', PROJECTS, {
    error: '--rev is for one project at a time',
    hint: 'name it: kubectl gitlab-agent diff test infra --rev main',
  }),
  on('two projects', `sync --prune-allow ${FIRST}`, PROJECTS, {
    error: '--prune-allow is for one project at a time',
    hint: 'name it: kubectl gitlab-agent sync AGENT PROJECT',
  }),
  on(
    'no project',
    'sync',
    { projects: [] },
    {
      error: 'nothing was asked of the agent test',
      hint: 'it has no manifest projects',
    },
  ),
  on(
    'no project',
    'rollback --yes',
    { projects: [] },
    {
      error: 'the agent test has no manifest project',
      hint: 'kubectl gitlab-agent status tells how it is',
    },
  ),
  on(
    'an unknown agent',
    'wait tset',
    {},
    {
      error: 'there is no agent or project "tset"',
      hint: 'there is test',
    },
  ),
  on(
    'an unknown project',
    'suspend test shpo',
    {},
    {
      error: 'the agent test has no manifest project "shpo"',
      hint: 'it has group/shop',
    },
  ),
  on(
    'an unknown set',
    'history --applyset none',
    {},
    {
      error: /there is no apply set none in the namespace t-\S+/,
      hint: 'kubectl get configmaps -A -l applyset.kubernetes.io/id lists the sets',
    },
  ),
  on(
    'an unknown commit',
    'wait --commit no-such-name',
    {},
    {
      error: '"no-such-name" is no commit that is known here',
      hint: 'write the commit itself, or run this in a clone of the manifest project',
    },
  ),
  on(
    'an unknown commit',
    'rollback --yes --to 0123abc',
    {},
    {
      error: '"0123abc" is no commit of the history',
      hint: 'write all of its digits; kubectl gitlab-agent history shows what there is',
    },
  ),
  on(
    'an unknown sync',
    'history 9',
    {},
    {
      error: 'the history has no sync "9"',
      hint: 'there is none yet',
    },
  ),
  on(
    'an unknown kind',
    'explain frob/nope',
    {},
    {
      error: 'the API server has no kind "frob"',
      hint: 'kubectl api-resources lists the kinds',
    },
  ),
  on(
    'everything is suspended',
    'sync --wait',
    { annotations: { 'agent.gitlab.com/suspend': 'lunch' } },
    {
      before: /^notice: group\/shop: suspended, and left alone: lunch$/,
      error: 'nothing was asked of the agent test',
      hint: 'kubectl gitlab-agent resume lets it go on',
    },
  ),
  {
    what: 'a record that is no YAML',
    given: async (t) => {
      const ns = await scene(t);
      const broken = JSON.stringify({ data: { status: 'a: [' } });
      await kubectl(['-n', ns, 'patch', 'cm', 'gitlab-agent.test', '--type=merge', '-p', broken]);
      return { args: ['rollback', '--yes', '-n', ns] };
    },
    error: 'the agent test has not told where its configuration is',
    hint: 'kubectl gitlab-agent status says whether it runs',
  },
  {
    what: 'an entry that is no JSON',
    given: async (t) => {
      const ns = await scene(t);
      const broken = JSON.stringify({ data: { entry: '{', status: '[', history: '7', inventory: 'x' } });
      await kubectl(['-n', ns, 'patch', 'cm', 'gitlab-agent.test.shop', '--type=merge', '-p', broken]);
      return { args: ['rollback', '--yes', '-n', ns] };
    },
    error: 'the history of group/shop has no earlier sync to go back to',
    hint: 'kubectl gitlab-agent history shows what there is',
  },
]);
