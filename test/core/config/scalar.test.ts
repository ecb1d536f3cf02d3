import test from 'ava';
import { Scalar } from 'yaml';
import { kindOf, plainIsText } from '../../../core/config/scalar.ts';

const PLAIN: [kind: ReturnType<typeof kindOf>, texts: string][] = [
  ['null', '~ null Null'],
  ['boolean', 'y n yes No on OFF true False'],
  ['number', '0 -1 0644 0o17 0x1F 1_000 1e3 1.5 .5 1.10 99999999999999999999 .inf'],
  // An overflowing float is text to kubectl, and a number to others: it is written in quotes.
  ['text', '12e999'],
];
for (const [kind, texts] of PLAIN) {
  for (const text of texts.split(' ')) {
    test(`without quotes ${text} is ${kind}, and text is written in quotes`, (t) => {
      const scalar = new Scalar(text);
      scalar.type = Scalar.PLAIN;
      t.is(kindOf(scalar), kind);
      scalar.type = Scalar.QUOTE_DOUBLE;
      t.is(kindOf(scalar), 'text');
      t.false(plainIsText(text));
    });
  }
}

test('words that need no quotes', (t) => {
  for (const text of ['main', 'v1.4.0', '1.2.3', '2001-12-14', 'nope', 'f'.repeat(40)])
    t.true(plainIsText(text), text);
});
