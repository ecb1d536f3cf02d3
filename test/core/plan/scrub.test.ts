import test from 'ava';
import { publicWords, scrub } from '../../../core/plan/scrub.ts';

const KNOWN = publicWords({
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  namespace: 'shopx',
  name: 'web-api',
});

const ROWS: [title: string, text: string, values: string[], expected: string][] = [
  ['a value', 'password s3cret is wrong', ['s3cret'], 'password (hidden) is wrong'],
  ['within another word', 'url postgres://u:s3cret@db', ['s3cret'], 'url postgres://u:(hidden)@db'],
  ['not where it is a part of a name', 'pods of -n shopx wait', ['shop'], 'pods of -n shopx wait'],
  [
    'nor of one that goes on behind a dash',
    'pod web-api-6bf7 of web-apis',
    ['api'],
    'pod web-api-6bf7 of web-(hidden)s',
  ],
  ['nor of a kind', 'deployment is late', ['ploy'], 'deployment is late'],
  [
    'but where it stands beside one',
    'web-api: login with shop failed',
    ['shop'],
    'web-api: login with (hidden) failed',
  ],
  ['and where it is the name', 'the password is shopx', ['shopx'], 'the password is (hidden)'],
  ['and where it holds the name', 'user web-api:s3cret', ['web-api:s3cret'], 'user (hidden)'],
  ['a value in a value', 'key abcdef', ['abcd', 'abcdef'], 'key (hidden)'],
  ['values that overlap', 'key abcdef!', ['abcd', 'cdef'], 'key (hidden)!'],
  ['not in what it wrote itself', 'a hidden s3cret', ['s3cret', 'hidden'], 'a (hidden) (hidden)'],
  ['too short to be told from words', 'it is on', ['on', ''], 'it is on'],
];

for (const [title, text, values, expected] of ROWS) {
  test(`hidden: ${title}`, (t) => {
    t.is(scrub(text, values, KNOWN), expected);
  });
}
