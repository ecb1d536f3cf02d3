import test from 'ava';
import type { Cluster, LogEvent, LogSelection } from '../../../core/model/cluster.ts';
import { PodLog } from '../../../plugin/logs/pod-log.ts';

const POD = { namespace: 'x', name: 'agent-0' };
const BROKEN: LogEvent = {
  type: 'ERROR',
  failure: { status: 0, reason: 'Gone', message: 'cut', causes: [] },
};
const signal = new AbortController().signal;

/** `5a` is the line `a` of the fifth moment, `5a~` the half of it, `!` a connection that breaks. */
function eventOf(word: string): LogEvent {
  if (word === '!') return BROKEN;
  const [, digit, text, half] = /^(\d?)([^~]*)(~?)$/.exec(word)!;
  const at = digit === '' ? '' : `2026-01-01T00:00:0${digit}.000000000Z`;
  return { type: 'LINE', at, text: text!, isWhole: half === '' };
}

/** Reads once for each of the answers; returns the lines, and where each time it was to go on. */
async function reads(answers: readonly string[]): Promise<{ lines: string; from: string[] }> {
  const from: string[] = [];
  const lines: string[] = [];
  const cluster: Pick<Cluster, 'readLog'> = {
    async *readLog(_pod, selection) {
      from.push(selection.sinceTime?.slice(18, 19) ?? `tail ${selection.tailLines}`);
      yield* (answers[from.length - 1] ?? '').split(' ').filter(Boolean).map(eventOf);
    },
  };
  const log = new PodLog(cluster, POD, 'agent');
  const take = (text: string): void => void lines.push(text);
  const selection: LogSelection = { follow: true, tailLines: 9 };
  for (const answer of answers) {
    const failure = await log.read(selection, signal, take);
    if ((failure !== undefined) !== answer.includes('!')) throw new Error('a failure is lost');
  }
  await log.finish(take);
  return { lines: lines.join(' '), from };
}

const CASES: [string, string[], string, string[]][] = [
  ['once', ['1a 2b 3c'], 'a b c', ['tail 9']],
  ['goes on where it broke off', ['1a 2b !', '1a 2b 3c'], 'a b c', ['tail 9', '2']],
  ['several lines of one moment', ['1a 1b !', '1a 1b 1c 2d'], 'a b c d', ['tail 9', '1']],
  ['several, over three connections', ['1a !', '1a 1b !', '1a 1b 1c'], 'a b c', ['tail 9', '1', '1']],
  ['the same text again is another line', ['1a 2a !', '2a 3a'], 'a a a', ['tail 9', '2']],
  ['half a line comes again as a whole', ['1a 2b~', '1a 2bcd 3e'], 'a bcd e', ['tail 9', '1']],
  ['half a line that was all there is', ['1a 2b~', '1a 3c'], 'a b c', ['tail 9', '1']],
  ['half a line at the very end', ['1a 2b~', '1a'], 'a b', ['tail 9', '1']],
  ['half a time is no line', ['1a ~', '1a 2b'], 'a b', ['tail 9', '1']],
  ['nothing was there yet', ['!', '', '1a'], 'a', ['tail 9', 'tail 9', 'tail 9']],
  ['lines without a time', ['a b', 'c'], 'a b c', ['tail 9', 'tail 9']],
];
for (const [name, answers, lines, from] of CASES)
  test(`reading on: ${name}`, async (t) => t.deepEqual(await reads(answers), { lines, from }));
