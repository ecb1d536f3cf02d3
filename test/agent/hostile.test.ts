import { randomBytes } from 'node:crypto';
import test from 'ava';
import type { Project } from '../support/gitlab/project.ts';
import { configMap, SHOP, scene } from './scene.ts';

test.serial('hostile repositories are refused with a sentence each, and other entries go on', async (t) => {
  t.timeout(4 * 60_000);
  const cases: Record<
    string,
    { files: Record<string, string | Buffer | { symlink: string }>; says: RegExp }
  > = {
    'link-out': {
      files: { 'manifest.yaml': { symlink: '../../../../../../etc/passwd' } },
      says: /symbolic link/,
    },
    'link-absolute': { files: { 'manifest.yaml': { symlink: '/etc/passwd' } }, says: /symbolic link/ },
    'many-files': {
      files: Object.fromEntries(
        Array.from({ length: 10_001 }, (_, n) => [`d/${n}.yaml`, configMap(`c${n}`, {})]),
      ),
      says: /10,?000/,
    },
    huge: { files: { 'a.yaml': randomBytes(200 * 2 ** 20) }, says: /large|bytes|MB|MiB/ },
    names: { files: { 'a\n\u001b[31mb.yaml': 'kind: [\n' }, says: /unexpected end/ },
    bomb: {
      files: {
        'a.yaml': `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bomb}\na: &a [x]\n${'bcdefghij'.replace(/./g, (c, i, all) => `${c}: &${c} [${Array(9).fill(`*${i ? all[i - 1] : 'a'}`)}]\n`)}`,
      },
      says: /alias/,
    },
  };
  const entries = Object.keys(cases).map(
    (name) => `  - id: group/${name}\n    name: ${name}\n    default_namespace: NS\n`,
  );
  const s = await scene(t, [...entries, SHOP].join(''));
  const projects = new Map<string, Project>();
  for (const [name, { files }] of Object.entries(cases)) {
    const project = await s.gitlab.createProject(`group/${name}`);
    await project.commit(files);
    projects.set(project.path, project);
  }
  const commit = await s.shop.commit({ 'manifest.yaml': configMap('a', { x: '1' }) });
  s.start();
  await s.healthy(commit);
  for (const [name, { says }] of Object.entries(cases)) {
    const status = await s.status(({ state }) => state === 'Failed', name, { timeout: 90_000 });
    t.regex(status.message, says, name);
    t.notRegex(status.message, /[\n\u001b]/, name);
    t.notRegex(status.failures![0]!.source!, /[\n\u001b]/, name);
    const project = `group/${name}`;
    const { description } = await s.told(
      status.observed!.revision!,
      'failed',
      undefined,
      projects.get(project),
    );
    t.notRegex(description!, /[\n\u001b]/, name);
  }
  const next = await s.shop.commit({ 'manifest.yaml': configMap('a', { x: '2' }) });
  await s.healthy(next);
  t.deepEqual(s.agent.noise.filter(Boolean), []);
});
