import test from 'ava';
import { step } from '../support/action.ts';
import { CONFIG, company } from './world.ts';

const file = (value: string) => ({ 'k8s/web.yaml': `value: ${value}\n` });
const POINT = { mode: 'deploy', strategy: 'config', config_project: 'group/agents', agent: 'production' };

async function textOf(project: { directory: string }, path: string, branch = 'main'): Promise<string> {
  const { gitText } = await import('../support/gitlab/git-process.ts');
  return await gitText(['show', `${branch}:${path}`], { cwd: project.directory });
}

test('fifty pipelines at once point fifty entries: no update is lost, and no job fails', async (t) => {
  t.timeout(10 * 60_000);
  const { gitlab, shop, agents, token } = await company(t);
  const commit = await shop.commit(file('1'));
  const names = Array.from({ length: 50 }, (_, index) => `entry-${index}`);
  const entries = names.map((name) => `  - id: group/shop\n    name: ${name} # ${name}\n`);
  await agents.commit({ [CONFIG]: `gitops:\n  manifest_projects:\n${entries.join('')}` });
  const results = await Promise.all(
    names.map((entry) =>
      step(
        t,
        { gitlab, project: shop, commit, hurry: 1 },
        { ...POINT, token, entry, wait: 'false', timeout: '8m' },
      ),
    ),
  );
  t.deepEqual(
    results.filter(({ code }) => code !== 0).map(({ log }) => log),
    [],
  );
  const text = await textOf(agents, CONFIG);
  t.is(text.split(`commit: ${commit}`).length - 1, 50);
  for (const name of names) t.true(text.includes(`name: ${name} # ${name}\n`));
});
