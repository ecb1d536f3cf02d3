import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { pushBranch } from '../../../core/git/push.ts';
import type { Credential } from '../../../core/model/source.ts';
import type { Project } from '../../support/gitlab/project.ts';
import { calm, connectionsFor, gitlabFor, temporary } from './sources.ts';

async function pushing(t: ExecutionContext, project: Project, credential: Credential, directory?: string) {
  const at = directory ?? (await temporary(t));
  return (commit: string, branch: string, expected?: string) =>
    pushBranch({
      url: project.url,
      credential: async () => credential,
      connections: connectionsFor(t),
      env: process.env,
      directory: join(at, `${commit}-${branch}`),
      commit,
      branch,
      ...(expected !== undefined && { expected }),
      signal: calm,
    });
}

const tokenOf = (project: Project, scopes: ('api' | 'write_repository' | 'read_repository')[]) => ({
  username: 'oauth2',
  token: project.createToken({ scopes }).value,
});

test('a branch is made and moved, forward, aside and back, and only from where it was expected', async (t) => {
  const gitlab = await gitlabFor(t);
  const project = await gitlab.createProject('group/shop');
  const first = await project.commit({ a: '1' });
  const second = await project.commit({ a: '2' });
  const aside = await project.commit({ a: '3' }, { branch: 'aside', from: first });
  const push = await pushing(t, project, tokenOf(project, ['write_repository']));
  t.deepEqual(await push(first, 'production'), { ok: true });
  t.is(await project.head('production'), first);
  t.deepEqual(await push(second, 'production', first), { ok: true });
  t.deepEqual(await push(aside, 'production', second), { ok: true });
  t.is(await project.head('production'), aside);
  t.like(await push(second, 'production', first), { ok: false, kind: 'moved' });
  t.like(await push(second, 'production'), { ok: false, kind: 'moved' }, 'it was expected not to be there');
  t.is(await project.head('production'), aside);
});

test('refusals are told in the words of GitLab, and no token is left on disk', async (t) => {
  const gitlab = await gitlabFor(t);
  const project = await gitlab.createProject('group/shop');
  const first = await project.commit({ a: '1' });
  const second = await project.commit({ a: '2' });
  await project.setBranch('production', first);
  const directory = await temporary(t);
  const credential = tokenOf(project, ['write_repository']);
  const push = await pushing(t, project, credential, directory);
  project.pushRule = 'Only on weekdays';
  t.like(await push(second, 'production', first), {
    kind: 'refused',
    failure: { message: 'GitLab refuses the push: Only on weekdays' },
  });
  project.pushRule = undefined;
  const reading = await pushing(t, project, tokenOf(project, ['read_repository']));
  const refused = await reading(second, 'production', first);
  t.like(refused, { kind: 'refused' });
  const unknown = await push('a'.repeat(40), 'production', first);
  t.like(unknown, { kind: 'failed', failure: { code: 'CommitMissing' } });
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) {
      const text = await readFile(join(entry.parentPath, entry.name), 'latin1');
      t.false(text.includes(credential.token), entry.name);
      t.false(text.includes(Buffer.from(`oauth2:${credential.token}`).toString('base64')), entry.name);
    }
});
