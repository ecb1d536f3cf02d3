import test from 'ava';
import { EntryWorker, type WorkerOptions } from '../../agent/entry-worker.ts';
import { Log } from '../../core/daemon/log.ts';
import type { Seen } from '../../core/follow/followed-revision.ts';

/** What a worker has for one pass; touching it is beginning that pass. */
const untouched = (onTouch: () => void): WorkerOptions['desk'] =>
  new Proxy({} as WorkerOptions['desk'], {
    get: () => {
      onTouch();
      throw new Error('a pass was begun');
    },
  });

test('an entry that is suspended while it waits for its turn gives the turn back', async (t) => {
  const end = new AbortController();
  const turns: { take: () => void; isGivenBack: boolean }[] = [];
  let asked = Promise.withResolvers<void>();
  const options: Partial<WorkerOptions> = {
    entry: { name: 'shop', dependsOn: [], suspend: false, repository: { url: '' } } as never,
    revision: {
      follow: (tell: (seen: Seen) => void) => {
        tell({ ok: true, commit: 'a'.repeat(40) });
        return () => {};
      },
    } as never,
    desk: untouched(() => t.fail('a pass was begun')),
    tracker: { listen: () => async () => {} } as never,
    statusName: () => 'gitlab-agent/test',
    missingDependencies: () => [],
    onReady: () => {},
    turn: () => {
      const taken = Promise.withResolvers<() => void>();
      const giveBack = (): void => {
        turn.isGivenBack = true;
      };
      const turn = { take: () => taken.resolve(giveBack), isGivenBack: false };
      turns.push(turn);
      asked.resolve();
      asked = Promise.withResolvers();
      return taken.promise;
    },
    random: () => 0,
    log: new Log({ write: () => {}, level: 'error', now: () => new Date() }),
    metrics: {
      objects: { get: async () => ({ values: [] }) },
      synced: { get: async () => ({ values: [] }) },
    } as never,
  };
  const worker = new EntryWorker(options as WorkerOptions);
  const first = asked.promise;
  const running = worker.run(end.signal);
  await first;
  worker.wish({ suspended: 'the night is for sleeping' }, undefined);
  turns[0]!.take();
  await new Promise((resolve) => setImmediate(resolve));
  t.true(turns[0]!.isGivenBack);
  const second = asked.promise;
  worker.wish({}, undefined);
  await second;
  t.is(turns.length, 2, 'resumed, it asks for a turn again');
  worker.wish({ suspended: '' }, undefined);
  turns[1]!.take();
  end.abort();
  await running;
});
