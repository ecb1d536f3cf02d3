import test from 'ava';
import {
  lsRefsRequest,
  OldProtocol,
  RemoteRefusal,
  readCapabilities,
  readRefs,
} from '../../../core/git/ls-refs.ts';
import { FLUSH, FramingError, packet } from '../../../core/git/pkt-line.ts';
import { Random } from '../../support/random.ts';

const ID = '0123456789abcdef0123456789abcdef01234567';
const bytes = (...parts: string[]): Buffer => Buffer.from(parts.join(''));
const service = packet('# service=git-upload-pack') + FLUSH;
const version2 = packet('version 2');
const usual = [
  packet('agent=git/2'),
  packet('ls-refs=unborn'),
  packet('fetch=shallow'),
  packet('object-format=sha256'),
];

test('what a server can do, with and without the line of smart HTTP before it', (t) => {
  const expected = { objectFormat: 'sha256', unborn: true } as const;
  t.deepEqual(readCapabilities(bytes(service, version2, ...usual, FLUSH)), expected);
  t.deepEqual(readCapabilities(bytes(version2, ...usual, FLUSH)), expected);
  t.deepEqual(readCapabilities(bytes(version2, packet('ls-refs'), packet('fetch'), FLUSH)), {
    objectFormat: 'sha1',
    unborn: false,
  });
});

const REFUSED: [title: string, answer: Buffer, error: new () => Error][] = [
  ['version 0', bytes(service, packet(`${ID} HEAD\0multi_ack`), FLUSH), OldProtocol],
  ['version 1', bytes(service, packet('version 1'), FLUSH), OldProtocol],
  ['nothing', bytes(''), OldProtocol],
  ['no fetch', bytes(version2, packet('ls-refs'), FLUSH), OldProtocol],
  [
    'another hash',
    bytes(version2, packet('ls-refs'), packet('fetch'), packet('object-format=md5'), FLUSH),
    OldProtocol,
  ],
  ['an error', bytes(packet('ERR access denied')), RemoteRefusal],
  ['text', bytes('Not Found'), FramingError],
  ['cut short', bytes(service, version2).subarray(0, -3), FramingError],
  ['a length of 3', bytes('0003'), FramingError],
];
for (const [title, answer, error] of REFUSED) {
  test(`an advertisement is refused: ${title}`, (t) => {
    t.throws(() => readCapabilities(answer), { instanceOf: error });
  });
}

test('refs: only those asked for, peeled tags, HEAD born or not; an answer without its end is no answer', (t) => {
  const answer = bytes(
    packet(`${ID} HEAD symref-target:refs/heads/main`),
    packet(`${ID} refs/heads/main`),
    packet(`${ID} refs/heads/main2`),
    packet(`${ID} refs/tags/v1 peeled:${ID.replaceAll('0', 'f')}`),
  );
  const names = ['HEAD', 'refs/heads/main', 'refs/tags/v1', 'refs/heads/none'];
  t.deepEqual(Object.fromEntries(readRefs(Buffer.concat([answer, bytes(FLUSH)]), names)), {
    HEAD: { oid: ID, target: 'refs/heads/main' },
    'refs/heads/main': { oid: ID },
    'refs/tags/v1': { oid: ID, peeled: ID.replaceAll('0', 'f') },
  });
  t.deepEqual(
    Object.fromEntries(readRefs(bytes(packet('unborn HEAD symref-target:refs/heads/x'), FLUSH), names)),
    { HEAD: { target: 'refs/heads/x' } },
  );
  t.is(readRefs(bytes(FLUSH), names).size, 0);
  for (const cut of [
    answer,
    bytes(''),
    bytes(packet('HEAD'), FLUSH),
    bytes(packet(`${ID.slice(1)} HEAD`), FLUSH),
  ])
    t.throws(() => readRefs(cut, names), { instanceOf: FramingError });
});

test('a request has one prefix for each name, and asks for unborn only where that is known', (t) => {
  const body = lsRefsRequest(['HEAD', 'refs/heads/é'], { objectFormat: 'sha1', unborn: false }, 'x/1');
  t.is(
    body,
    '0014command=ls-refs\n000eagent=x/1\n0017object-format=sha1\n00010009peel\n000csymrefs\n0014ref-prefix HEAD\n001dref-prefix refs/heads/é\n0000',
  );
  t.true(lsRefsRequest([], { objectFormat: 'sha1', unborn: true }, 'x').includes('000bunborn\n'));
});

test('whatever bytes come, the answer is refs or a refusal of ours', (t) => {
  const random = new Random(1);
  const good = bytes(service, version2, ...usual, packet(`${ID} HEAD symref-target:refs/heads/x`), FLUSH);
  for (let round = 0; round < 3000; round += 1) {
    const broken = Buffer.from(good);
    for (let change = 0; change <= random.int(4); change += 1)
      broken[random.int(broken.length)] = random.int(256);
    const cut = broken.subarray(0, random.int(broken.length + 1));
    for (const read of [() => readCapabilities(cut), () => readRefs(cut, ['HEAD'])]) {
      try {
        read();
      } catch (error) {
        if (![FramingError, RemoteRefusal, OldProtocol].some((known) => error instanceof known)) throw error;
      }
    }
  }
  t.pass();
});
