import test from 'ava';
import { agentObject, holdLease, parentObject } from '../support/agent-objects.ts';
import { namespace } from '../support/cluster.ts';
import { startGitLab } from '../support/gitlab/gitlab.ts';
import { plugin } from '../support/plugin.ts';

test('status tells what a branch is ahead, with a token that is for this GitLab only', async (t) => {
  const ns = await namespace(t);
  await using gitlab = await startGitLab();
  const shop = await gitlab.createProject('group/shop');
  const first = await shop.commit({ a: '1' });
  for (let index = 2; index <= 8; index += 1) await shop.commit({ a: String(index) });
  const at = new Date().toISOString();
  await agentObject(ns, 'test', { gitlab: gitlab.url });
  await holdLease(t, ns, 'test');
  await parentObject(ns, 'test', 'shop', {
    status: {
      wanted: { revision: first, at },
      observed: { revision: first, at },
      applied: { revision: first, at },
    },
  });
  const { value: token } = gitlab.root.createToken({ scopes: ['read_api'] });
  const { host } = new URL(gitlab.url);
  const status = (env: Record<string, string>, ...args: string[]) =>
    plugin(['status', '-n', ns, ...args], { env });
  const told = await status({ GITLAB_TOKEN: token, GITLAB_HOST: host });
  t.regex(
    told.stdout,
    /\n {4}main is 7 commits ahead:\n(?: {4}[0-9a-f]{8} .*\n){5} {4}and 2 more\n$/,
    told.stderr,
  );
  const { agents } = JSON.parse(
    (await status({ GITLAB_TOKEN: token, GITLAB_HOST: host }, '-o', 'json')).stdout,
  ) as {
    agents: { projects: { ahead: { commits: unknown[]; more: number } }[] }[];
  };
  t.is(agents[0]!.projects[0]!.ahead.commits.length, 5);
  t.is(agents[0]!.projects[0]!.ahead.more, 2);

  // Whoever may write the agent's ConfigMap must not get a token for another GitLab.
  const elsewhere = await status({ GITLAB_TOKEN: token });
  t.false(elsewhere.stdout.includes('ahead'));
  t.is(elsewhere.stderr, '');
  const wrong = await status({ GITLAB_TOKEN: 'glpat-wrongwrongwrong', GITLAB_HOST: host });
  t.is(wrong.code, 0);
  t.regex(wrong.stderr, /^warning: GitLab answered 401/);
  t.false(wrong.stderr.includes('glpat'));
});
