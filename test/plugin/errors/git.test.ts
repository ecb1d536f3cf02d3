// The repository of a manifest project can't be read by whoever runs `diff`.
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { agentObject, FIRST, holdLease, parentObject } from '../../support/agent-objects.ts';
import { namespace } from '../../support/cluster.ts';
import { type Situation, tellsErrors } from '../../support/error-rows.ts';
import { type Ground, ground } from '../../support/errors-ground.ts';
import { personEnvironment } from '../../support/person.ts';

const CANARY = 'glpat-canary0123';

/** `diff` of the agent's own project, which is read as this person reads it. */
async function diffAs(t: ExecutionContext, here: Ground, token?: string, ref?: object): Promise<Situation> {
  const ns = await namespace(t);
  await agentObject(ns, 'test', { gitlab: here.gitlab.url });
  await holdLease(t, ns, 'test');
  const repository = { project: 'group/shop', url: `${here.gitlab.url}/group/shop.git` };
  await parentObject(ns, 'test', 'shop', { status: {}, entry: { repository, ...(ref && { ref }) } });
  return {
    args: ['diff', '-n', ns],
    env: personEnvironment(t, here.gitlab, token),
    ...(token !== undefined && { secrets: [token] }),
  };
}

/** A directory with Node alone. */
function onlyNode(t: ExecutionContext): string {
  const bin = mkdtempSync(join(tmpdir(), 'only-node-'));
  t.teardown(() => rmSync(bin, { recursive: true }));
  symlinkSync(process.execPath, join(bin, 'node'));
  return bin;
}

tellsErrors([
  {
    what: 'the repository is away: diff',
    given: async (t) => {
      const here = await ground(t);
      const situation = await diffAs(t, here, CANARY);
      await here.gitlab[Symbol.asyncDispose]();
      return situation;
    },
    error: /group\/shop: http:\/\/\S+\/group\/shop\.git can't be read: unable to access .+/,
    hint: 'are you in the right network or VPN, and is it running?',
  },
  {
    what: 'a token that has expired: diff',
    given: async (t) => {
      const here = await ground(t);
      const { value } = here.ada.createToken({ scopes: ['read_repository'], expiresAt: '2020-01-31' });
      return diffAs(t, here, value);
    },
    error: /group\/shop: http:\/\/\S+\/group\/shop\.git can't be read: remote: HTTP Basic: Access denied/,
    hint: /git has no credentials for it that work, .+/,
  },
  {
    what: 'the commit that is wanted is not there: diff',
    given: async (t) => {
      const here = await ground(t);
      return diffAs(t, here, here.ada.createToken({ scopes: ['read_repository'] }).value, { commit: FIRST });
    },
    error: /group\/shop: http:\/\/\S+\/group\/shop\.git can't be read: .*not our ref 1{40}/,
    hint: 'it has no such commit: was it pushed, or did a forced push replace it?',
  },
  {
    what: 'the branch that is wanted is not there: diff',
    given: async (t) => {
      const here = await ground(t);
      return diffAs(t, here, here.ada.createToken({ scopes: ['read_repository'] }).value, { branch: 'gone' });
    },
    error: 'group/shop: the repository has no branch "gone"',
    hint: 'was it renamed or deleted? its default branch is "main"',
  },
  {
    what: 'a name that is no revision: diff',
    given: async (t) => {
      const here = await ground(t);
      const token = here.ada.createToken({ scopes: ['read_repository'] }).value;
      const { args, ...rest } = await diffAs(t, here, token);
      return { args: [...args, '--rev', 'nowhere'], ...rest };
    },
    error: 'group/shop has no branch or tag "nowhere"',
    hint: /a commit is named by all of its digits, .+/,
  },
  {
    what: 'git is missing: diff',
    given: async (t) => {
      const here = await ground(t);
      const { env, ...rest } = await diffAs(t, here, CANARY);
      return { ...rest, env: { ...env, PATH: onlyNode(t) } };
    },
    error: 'group/shop: reading Git revisions needs the git program, which is not on PATH',
    hint: 'install git',
  },
]);
