import { create, type MessageInitShape } from '@bufbuild/protobuf';
import test from 'ava';
import { receiveBatch } from '../../agent/kas/batch.ts';
import { ProtocolError } from '../../agent/kas/kas-failure.ts';
import {
  type ObjectsToSynchronizeResponse,
  ObjectsToSynchronizeResponseSchema,
} from '../../core/grpc/generated/gitops_pb.ts';

const COMMIT = 'a'.repeat(40);

type Message =
  | { header: string }
  | { object: [source: string, data?: string | number, link?: string] }
  | 'trailer'
  | 'empty';

async function* messages(list: readonly Message[]): AsyncGenerator<ObjectsToSynchronizeResponse> {
  for (const message of list) {
    const wired = wire(message);
    yield create(ObjectsToSynchronizeResponseSchema, wired ? { message: wired } : {});
  }
}

function wire(message: Message): MessageInitShape<typeof ObjectsToSynchronizeResponseSchema>['message'] {
  if (message === 'empty') return undefined;
  if (message === 'trailer') return { case: 'trailer' as const, value: {} };
  if ('header' in message) return { case: 'header' as const, value: { commitId: message.header } };
  const [source, data = '', link] = message.object;
  const bytes = typeof data === 'number' ? Buffer.alloc(data) : Buffer.from(data);
  return { case: 'object' as const, value: { source, data: bytes, ...(link !== undefined && { link }) } };
}

const header = { header: COMMIT };
const object = (source: string, data?: string | number, link?: string): Message => ({
  object: [source, data!, link!],
});

test('a batch is header, objects, trailer and end; anything else is none', async (t) => {
  const whole = await receiveBatch(
    messages([header, object('a', '1'), object('a', '2'), object('b/c', '3'), 'trailer']),
  );
  t.deepEqual(
    [...whole!.nodes].map(([path, node]) => `${path} ${'data' in node && node.data}`),
    ['a 12', 'b/c 3'],
  );
  t.is(await receiveBatch(messages([])), undefined);
  t.is((await receiveBatch(messages([header, 'trailer'])))!.nodes.size, 0);
  const broken: [RegExp, Message[]][] = [
    [/no header comes first/, ['trailer']],
    [/no header comes first/, [object('a')]],
    [/a second header/, [header, header]],
    [/something comes after the trailer/, [header, 'trailer', 'trailer']],
    [/ends before the trailer/, [header]],
    [/ends before the trailer/, [header, object('a')]],
    [/without anything in it/, [header, 'empty']],
    [/no whole commit id/, [{ header: 'main' }]],
    [/no whole commit id/, [{ header: '' }]],
    [/"a" comes twice/, [header, object('a'), object('b'), object('a'), 'trailer']],
    [/below what is no directory/, [header, object('a'), object('a/b'), 'trailer']],
    [/below what is no directory/, [header, object('a', '', 'b'), object('a/b'), 'trailer']],
    [
      /more bytes than an entry may have/,
      [header, object('a', 40 * 2 ** 20), object('b', 40 * 2 ** 20), 'trailer'],
    ],
  ];
  for (const [message, list] of broken)
    await t.throwsAsync(
      receiveBatch(messages(list)),
      { instanceOf: ProtocolError, message },
      String(message),
    );
});

test('no path of a server leads out of the tree', async (t) => {
  const paths = [
    '',
    '/',
    '/etc/passwd',
    '..',
    '../x',
    'a/../../x',
    'a//b',
    './a',
    'a/.',
    'a/',
    'a\\b',
    'a\0b',
    '.git/config',
    'x/.GIT/hooks/y',
    'x'.repeat(5000),
  ];
  for (const path of paths)
    for (const list of [[object(path)], ...(path === '' ? [] : [[object('l', '', path)]])])
      await t.throwsAsync(
        receiveBatch(messages([header, ...list, 'trailer'])),
        { message: /can't be in a repository/ },
        path,
      );
});
