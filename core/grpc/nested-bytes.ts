/**
 * The bytes of a field inside of messages, each of which has nothing else, as protobuf encodes them: `fields` are their
 * numbers, the outermost first. What stands before the bytes; they follow as they are, uncopied.
 */
export function nestedPrefix(fields: readonly number[], length: number): Buffer {
  const parts: number[] = [];
  let inner = length;
  for (const field of [...fields].reverse()) {
    const head = [...varint(field * 8 + LENGTH_DELIMITED), ...varint(inner)];
    parts.unshift(...head);
    inner += head.length;
  }
  return Buffer.from(parts);
}

const LENGTH_DELIMITED = 2;

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
  return bytes;
}
