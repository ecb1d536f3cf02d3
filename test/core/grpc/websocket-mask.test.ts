import { randomBytes } from 'node:crypto';
import test from 'ava';
import { mask, unmask } from '../../../core/grpc/websocket-mask.ts';

test('bytes are masked as RFC 6455 says, wherever in memory they are', (t) => {
  const source = randomBytes(1_003);
  const key = randomBytes(4);
  for (const from of [0, 1, 2, 3])
    for (const offset of [0, 6, 8, 14, 15])
      for (const length of [0, 1, 2, 3, 4, 5, 7, 48, 1_000]) {
        const output = Buffer.alloc(offset + length + 2, 9);
        mask(source.subarray(from), key, output, offset, length);
        const expected = source.subarray(from, from + length).map((byte, index) => byte ^ key[index & 3]!);
        t.deepEqual(output.subarray(offset, offset + length), Buffer.from(expected));
        t.true(
          [...output.subarray(0, offset), ...output.subarray(offset + length)].every((byte) => byte === 9),
        );
        unmask(output.subarray(offset, offset + length), key);
        t.deepEqual(output.subarray(offset, offset + length), source.subarray(from, from + length));
      }
});
