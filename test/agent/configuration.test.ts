import test from 'ava';
import { type ConfigurationState, watchConfiguration } from '../../agent/configuration.ts';
import { Log } from '../../core/daemon/log.ts';
import { RepositoryWatch } from '../../core/follow/repository-watch.ts';
import type { RevisionTree } from '../../core/model/file-tree.ts';
import { type Problem, ProblemError } from '../../core/model/problem.ts';
import type { RevisionSource } from '../../core/model/source.ts';
import { waitFor } from '../support/cluster.ts';

const COMMIT = 'a'.repeat(40);
const FILE = '.gitlab/agents/test/config.yaml';
const CONFIG = 'gitops:\n  manifest_projects: []\n';

/** A tree with the configuration alone, that reads as `read` has it. */
function tree(read: () => Promise<Buffer>): RevisionTree {
  return {
    list: async () => [],
    real: async (path) => (path === FILE ? { path, kind: 'file', size: CONFIG.length } : undefined),
    read,
    checkOut: () => Promise.reject(new Error('nothing to check out')),
    close: async () => {},
  };
}

/** Follows a repository at one commit whose files are opened as `open` has it, until the commit is in force. */
async function follow(open: RevisionSource['open']): Promise<ConfigurationState[]> {
  const end = new AbortController();
  const source: RevisionSource = {
    refs: async () => ({
      ok: true,
      refs: new Map([['HEAD', { oid: COMMIT, target: 'refs/heads/main' }]]),
    }),
    fetch: async () => ({ ok: true, bytes: 0 }),
    open,
  };
  const log = new Log({ write: () => {}, level: 'error', now: () => new Date() });
  const common = { signal: end.signal, random: () => 0, log };
  const states: ConfigurationState[] = [];
  const done = watchConfiguration({
    ...common,
    revision: new RepositoryWatch({ ...common, source, interval: 60_000, onPoll: () => {} }).revision(
      undefined,
    ),
    agent: 'test',
    project: 'platform/config',
    gitlabUrl: 'https://gitlab.example',
    onConfig: () => {},
    onState: (state) => states.push(state),
  });
  try {
    await waitFor(() => states.at(-1)?.applied === COMMIT, { what: 'the configuration to be in force' });
  } finally {
    end.abort();
    await done;
  }
  return states;
}

const DAMAGED = { code: 'Damaged', message: "the Git cache can't be read: a bad object" } as const;

test('a commit that can not be opened is asked for again, though its branch stays', async (t) => {
  let asked = 0;
  const states = await follow(async () => {
    asked += 1;
    return asked === 1
      ? { ok: false, failure: DAMAGED }
      : { ok: true, tree: tree(async () => Buffer.from(CONFIG)) };
  });
  const [broken] = states;
  t.deepEqual(broken?.problems, [DAMAGED]);
  t.deepEqual(broken?.notices, [], 'a file that is not known to be missing is not called missing');
  t.deepEqual(states.at(-1)?.problems, []);
});

test('a file that can not be read is asked for again', async (t) => {
  const failure: Problem = { code: 'GitFailed', message: 'git was killed' };
  let asked = 0;
  const states = await follow(async () => {
    asked += 1;
    const isFirst = asked === 1;
    return {
      ok: true,
      tree: tree(async () => {
        if (isFirst) throw new ProblemError(failure);
        return Buffer.from(CONFIG);
      }),
    };
  });
  t.deepEqual(states[0]?.problems, [failure]);
  t.deepEqual(states.at(-1)?.problems, []);
});
