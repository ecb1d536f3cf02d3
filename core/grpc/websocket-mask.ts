/**
 * RFC 6455, §5.3, for the package ws, which asks for a module `bufferutil` with these two functions and goes byte by
 * byte where there is none: what builds the programs puts this one in its place.
 */

/** Writes `length` masked bytes of the source to the output, from `offset` on. */
export function mask(
  source: Uint8Array,
  key: Uint8Array,
  output: Uint8Array,
  offset: number,
  length: number,
): void {
  output.set(source.subarray(0, length), offset);
  unmask(output.subarray(offset, offset + length), key);
}

/** In place. */
export function unmask(bytes: Uint8Array, key: Uint8Array): void {
  const { buffer, byteOffset, length } = bytes;
  // As far as whole words of memory go, these; the rest one by one.
  const before = Math.min(length, -byteOffset & 3);
  const count = (length - before) >>> 2;
  for (let index = 0; index < before; index += 1) bytes[index]! ^= key[index & 3]!;
  if (count > 0) {
    const words = new Int32Array(buffer, byteOffset + before, count);
    const [word] = new Int32Array(Uint8Array.from(key, (_, index) => key[(index + before) & 3]!).buffer);
    for (let index = 0; index < count; index += 1) words[index]! ^= word!;
  }
  for (let index = before + count * 4; index < length; index += 1) bytes[index]! ^= key[index & 3]!;
}
